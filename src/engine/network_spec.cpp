#include "engine/network_spec.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/exec.hpp"
#include "engine/join_note.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "launch/rootless.hpp"
#include "parts/network/name_service.hpp"
#include "parts/network/names.hpp"

namespace coracle::engine {
namespace {

using kernel::Error;

constexpr const char* kNameFiles[] = {"hosts", "hostname", "resolv.conf"};

bool on_default_bridge(const RunOptions& options) {
  return options.network == Network::bridge && options.networks.empty();
}

[[noreturn]] void refuse(const std::string& what, const std::string& why) { throw Error(what, 0, why); }

// "NAME:ADDRESS" as a line of hosts(5); host-gateway is the host, as its containers see it.
std::string host_line(const std::string& text, const std::string& gateway) {
  const std::size_t colon = text.find(':');
  const std::string address = text.substr(colon + 1);
  if (address != "host-gateway") return address + "\t" + text.substr(0, colon);
  if (gateway.empty()) refuse("add the host " + text, "there is no way to the host in this network");
  return gateway + "\t" + text.substr(0, colon);
}

parts::NameOptions name_options(const RunOptions& options, const std::string& hostname, const std::string& gateway) {
  const Naming& naming = options.naming;
  parts::NameOptions names{
      .hostname = hostname, .hosts = {}, .servers = naming.dns, .search = naming.search, .options = naming.options};
  for (const std::string& host : naming.hosts) names.hosts.push_back(host_line(host, gateway));
  return names;
}

bool is_there(const std::vector<parts::PublishedPort>& ports, const parts::PublishedPort& wanted) {
  return std::any_of(ports.begin(), ports.end(), [&](const parts::PublishedPort& port) {
    return port.container_port == wanted.container_port && port.protocol == wanted.protocol;
  });
}

// Those of -p, and with -P a free port of the host for each other one that is exposed.
std::vector<parts::PublishedPort> published_ports(const RunOptions& options, const image::Config& config) {
  std::vector<parts::PublishedPort> ports = options.ports;
  if (!options.publish_all || options.network != Network::bridge) return ports;
  const auto add = [&](const parts::PublishedPort& port) {
    if (!is_there(ports, port)) ports.push_back(port);
  };
  for (const std::string& text : config.exposed_ports) {
    for (const parts::PublishedPort& port : parts::parse_ports(text)) add(port);
  }
  for (const parts::PublishedPort& port : options.expose) add(port);
  return ports;
}

void add_networks(launch::Spec& spec, const RunOptions& options, const Place& place, const std::string& hostname,
                  const std::vector<parts::PublishedPort>& ports) {
  for (std::size_t i = 0; i < place.networks.size(); ++i) {
    const NetworkRecord& network = place.networks[i];
    parts::NetworkOptions part = network_options(network, options.networks.at(i), place.name, place.id);
    part.names = name_options(options, hostname, network.gateway);
    part.first = false;
    spec.networks.push_back(std::move(part));
  }
  // The way out is through the first that has one.
  const auto first =
      std::find_if(spec.networks.begin(), spec.networks.end(), [](auto& each) { return !each.internal; });
  if (first != spec.networks.end()) std::rotate(spec.networks.begin(), first, first + 1);
  spec.networks[0].first = true;
  spec.networks[0].ports = ports;
}

void share_network(launch::Spec& spec, const Place& place) {
  spec.namespaces.network = false;
  spec.namespaces.existing.push_back({CLONE_NEWNET, fmt::format("/proc/self/fd/{}", place.shared_network->get())});
  for (const char* name : kNameFiles) {
    const std::string source = place.shared_run_dir + "/" + name;
    if (kernel::exists(source)) spec.mounts.files.push_back({source, std::string("/etc/") + name});
  }
}

void check_options(const RunOptions& options) {
  const Naming& naming = options.naming;
  if (options.network != Network::bridge && !options.ports.empty())
    refuse("publish a port (-p)", "that needs the network bridge (--net bridge), or one of your own");
  if (options.network != Network::container) return;
  if (!options.hostname.empty() || !naming.dns.empty() || !naming.search.empty() || !naming.options.empty() ||
      !naming.hosts.empty())
    refuse("share the network of " + options.network_of,
           "its host name and its names are that one's: --hostname, --dns and --add-host do not go with it");
}

std::vector<std::string> name_files(Network network) {
  if (network == Network::none) return {"hosts"};
  if (network == Network::host) return {"hosts", "hostname", "resolv.conf"};
  return {};
}

void find_shared(Engine& engine, const std::string& text, Place& place) {
  const Record record = find_container(engine.records, text);
  const std::string run_dir = record.run_root + "/" + record.id;
  try {
    read_join_note(record.run_root, record.id);  // waits for one that is just being started
  } catch (const Error&) {
    refuse("share the network of " + text, "cannot join network of a non running container: " + record.id);
  }
  const std::string note = read_join_note(record.run_root, record.id).process;
  const std::string path = fmt::format("/proc/{}/ns/net", kernel::noted_pid(note));
  const kernel::Fd process = kernel::noted_process(note);
  if (!process) refuse("share the network of " + text, "it has just ended");
  place.shared_network = std::make_shared<kernel::Fd>(kernel::open(path, O_RDONLY));
  if (!kernel::noted_process(note)) refuse("share the network of " + text, "it has just ended");
  place.shared_run_dir = run_dir;
  place.shared_hostname = kernel::exists(run_dir + "/hostname") ? kernel::read_file(run_dir + "/hostname") : "";
  while (place.shared_hostname.ends_with('\n')) place.shared_hostname.pop_back();
}

}  // namespace

parts::NetworkOptions network_options(const NetworkRecord& network, const NetworkSettings& settings,
                                      const std::string& name, const std::string& id) {
  if (is_fixed(network) && (!settings.address.empty() || !settings.aliases.empty()))
    refuse("give the container an address or an alias", "that needs a network of your own (coracle network create)");
  parts::NetworkOptions options{.bridge = network.link,
                                .subnet = network.subnet,
                                .gateway = network.gateway,
                                .ip_range = network.ip_range,
                                .address = settings.address,
                                .keep_bridge = true,
                                .internal = network.internal,
                                .name_service = !is_fixed(network)};
  if (!name.empty() && name != id) options.known_as.push_back(name);
  options.known_as.push_back(id);
  options.known_as.insert(options.known_as.end(), settings.aliases.begin(), settings.aliases.end());
  return options;
}

void find_networks(Engine& engine, const RunOptions& options, Place& place) {
  if (options.network == Network::container) return find_shared(engine, options.network_of, place);
  for (const NetworkSettings& settings : options.networks) {
    place.networks.push_back(engine.networks.find(settings.name));
    if (place.networks.back().link.empty())
      refuse("connect the container to " + settings.name, "it goes with no other network");
  }
}

void check_networks(Engine& engine, const Place& place) {
  for (const NetworkRecord& network : place.networks) engine.networks.find(network.id);
}

void set_network(launch::Spec& spec, const RunOptions& options, const image::Config& config, const Place& place,
                 const std::string& hostname) {
  check_options(options);
  const std::vector<parts::PublishedPort> ports = published_ports(options, config);
  spec.namespaces.network = options.network != Network::host;
  if (options.network == Network::container) {
    if (place.shared_network) share_network(spec, place);
  } else if (options.network == Network::bridge && launch::rootless()) {
    if (!options.networks.empty())
      refuse(
          "connect the container to " + options.networks[0].name,
          "an ordinary user's containers have one network, which pasta makes (--net bridge); as root there are more");
    spec.pasta = parts::PastaOptions{.ports = ports, .names = name_options(options, hostname, "")};
  } else if (on_default_bridge(options)) {
    spec.networks.push_back(
        {.ports = ports, .names = name_options(options, hostname, "10.77.0.1"), .keep_bridge = true});
  } else if (!place.networks.empty()) {
    add_networks(spec, options, place, hostname, ports);
  }
  for (const std::string& name : name_files(options.network)) {
    spec.mounts.files.push_back({place.run_dir + "/" + name, "/etc/" + name});
  }
}

void write_name_files(const RunOptions& options, const std::string& run_dir) {
  constexpr const char* kLoopbackAlone = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
  if (name_files(options.network).empty()) return;
  const parts::NameOptions names = name_options(options, "", options.network == Network::host ? "127.0.0.1" : "");
  for (const std::string& name : name_files(options.network)) {
    const std::string source = "/etc/" + name;
    const bool copy = options.network == Network::host;
    std::string text = !copy ? kLoopbackAlone : kernel::exists(source) ? kernel::read_file(source) : "";
    if (name == "hosts") {
      for (const std::string& line : names.hosts) text += line + "\n";
    }
    if (name == "resolv.conf") text = parts::resolv_conf(text, names);
    kernel::create_file(run_dir + "/" + name, text);
  }
}

}  // namespace coracle::engine
