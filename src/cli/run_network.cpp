// The options of `run` and `create` for networks.
#include <algorithm>
#include <memory>

#include "cli/run_options.hpp"
#include "kernel/error.hpp"
#include "kernel/rtnetlink.hpp"
#include "parts/network/name_service.hpp"

namespace coracle::cli {
namespace {

using engine::Network;
using engine::NetworkSettings;
using engine::RunOptions;
using kernel::Error;

[[noreturn]] void refuse(const std::string& what, const std::string& hint) { throw Error("read " + what, 0, hint); }

// docker's "name=back,alias=db,ip=10.78.0.9".
NetworkSettings read_settings(const std::string& text) {
  NetworkSettings settings;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::size_t equals = std::min(text.find('=', begin), end);
    const std::string field = text.substr(begin, equals - begin);
    const std::string value = equals < end ? text.substr(equals + 1, end - equals - 1) : "";
    if (field == "name") {
      settings.name = value;
    } else if (field == "ip") {
      settings.address = value;
    } else if (field == "alias") {
      settings.aliases.push_back(value);
    } else {
      refuse("the network \"" + text + "\"", "it is a name, or name=NETWORK,alias=NAME,ip=ADDRESS");
    }
    begin = end + 1;
  }
  return settings;
}

void take_network(RunOptions& run, const std::string& text) {
  constexpr std::string_view kOfContainer = "container:";
  const bool fixed = text == "none" || text == "host" || text.starts_with(kOfContainer);
  if (fixed) {
    run.network = text == "none" ? Network::none : text == "host" ? Network::host : Network::container;
    if (run.network == Network::container) run.network_of = text.substr(kOfContainer.size());
  } else {
    NetworkSettings settings =
        text.find('=') == std::string::npos ? NetworkSettings{text, {}, {}} : read_settings(text);
    if (settings.name.empty()) refuse("the network \"" + text + "\"", "a name is missing");
    if (settings.name == "default") settings.name = "bridge";
    run.networks.push_back(std::move(settings));
  }
}

// What was said of networks, when all has been read. The default bridge alone needs no look at the records.
void settle(RunOptions& run, const std::string& address, const std::vector<std::string>& aliases) {
  std::vector<NetworkSettings>& networks = run.networks;
  if (run.network != Network::bridge && !networks.empty())
    refuse("the networks", "none, host and container: go with no other network");
  if (!address.empty() || !aliases.empty()) {
    if (networks.empty() || networks[0].name == "bridge")
      refuse("--ip and --network-alias", "they need a network of your own: --net NETWORK (coracle network create)");
    if (!address.empty()) networks[0].address = address;
    networks[0].aliases.insert(networks[0].aliases.end(), aliases.begin(), aliases.end());
  }
  for (const NetworkSettings& each : networks) {
    for (const std::string& alias : each.aliases) {
      if (!parts::valid_host_name(alias))
        refuse("the alias \"" + alias + "\"", "it has 1 to 253 letters, digits, '-', '_' and '.'");
    }
    const auto same = [&](const NetworkSettings& other) { return other.name == each.name; };
    if (std::count_if(networks.begin(), networks.end(), same) > 1)
      refuse("the network " + each.name, "it is there twice");
  }
  if (networks.size() == 1 && networks[0].name == "bridge") networks.clear();
}

// NAME:ADDRESS, or NAME=ADDRESS.
std::string read_host(std::string text) {
  const std::size_t at = text.find_first_of(":=");
  const std::string address = at == std::string::npos ? "" : text.substr(at + 1);
  const bool good = address == "host-gateway" || kernel::parse_ipv4(address) || kernel::is_ipv6(address);
  if (!good || !parts::valid_host_name(text.substr(0, at)))
    refuse("the host \"" + text + "\"", "it is NAME:ADDRESS, or NAME:host-gateway");
  text[at] = ':';
  return text;
}

// PORT or FIRST-LAST, of the container alone.
std::vector<parts::PublishedPort> read_exposed(const std::string& text) {
  if (text.find(':') != std::string::npos) refuse("the exposed port \"" + text + "\"", "it is PORT[/tcp|/udp]");
  return parts::parse_ports(text);
}

std::string read_server(const std::string& text) {
  if (kernel::parse_ipv4(text) || kernel::is_ipv6(text)) return text;
  refuse("the name server \"" + text + "\"", "it is an IP address");
}

// A word of resolv.conf(5).
std::string read_word(const std::string& text, const char* what) {
  const bool plain = std::none_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; });
  if (plain && !text.empty()) return text;
  refuse(std::string(what) + " \"" + text + "\"", "it has no spaces in it");
}

}  // namespace

void add_network_options(Options& options, RunOptions& run) {
  struct Rest {
    std::string address;
    std::vector<std::string> aliases;
  };
  const auto rest = std::make_shared<Rest>();
  options.group("Network");
  options.value(0, "network,--net", "NETWORK",
                "bridge (unless told otherwise), none, host, container:NAME, or one of your own; also several times",
                [&run](const std::string& text) { take_network(run, text); });
  options.value(0, "ip", "ADDRESS", "The container's own, in that network", rest->address);
  options.value(0, "network-alias,--net-alias", "NAME", "One more name in that network; others may have it, too",
                [rest](const std::string& text) { rest->aliases.push_back(text); });
  options.value(0, "add-host", "NAME:ADDRESS", "A line for /etc/hosts; host-gateway is this host",
                [&run](const std::string& text) { run.naming.hosts.push_back(read_host(text)); });
  options.value(0, "dns", "ADDRESS", "A name server",
                [&run](const std::string& text) { run.naming.dns.push_back(read_server(text)); });
  options.value(0, "dns-search", "DOMAIN", "Where names without a dot are looked for; . is nowhere",
                [&run](const std::string& text) { run.naming.search.push_back(read_word(text, "the domain")); });
  options.value(0, "dns-option,--dns-opt", "OPTION", "An option of resolv.conf(5)",
                [&run](const std::string& text) { run.naming.options.push_back(read_word(text, "the option")); });
  options.value('p', "publish", "[[IP:]PORT:]PORT[/udp]",
                "A port of the host that leads to one of the container; also 8000-8005:80-85, and 80 for any",
                [&run](const std::string& text) {
                  for (parts::PublishedPort& port : parts::parse_ports(text)) run.ports.push_back(std::move(port));
                });
  options.flag('P', "publish-all", "Publish what the image exposes and --expose adds, each on a port that is free",
               run.publish_all);
  options.value(0, "expose", "PORT[/udp]", "A port that the container serves, for -P", [&run](const std::string& text) {
    for (parts::PublishedPort& port : read_exposed(text)) run.expose.push_back(std::move(port));
  });
  options.when_read([&run, rest] { settle(run, rest->address, rest->aliases); });
}

}  // namespace coracle::cli
