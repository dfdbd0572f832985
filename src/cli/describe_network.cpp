// The part NetworkSettings of docker inspect.
#include <fmt/format.h>

#include "cli/describe.hpp"
#include "engine/network_use.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using engine::NetworkRecord;
using kernel::Error;

// "10.78.0.2/24" is an address and the length of its prefix.
std::pair<std::string, int> split_prefix(const std::string& address) {
  const std::size_t slash = address.find('/');
  if (slash == std::string::npos) return {address, 0};
  return {address.substr(0, slash), std::atoi(address.c_str() + slash + 1)};
}

// What is there of it on this network; a container that does not run has no address.
Json endpoint(engine::Engine& engine, const ContainerView& container, const NetworkRecord& network) {
  engine::Endpoint found;
  if (container.runs()) {
    for (engine::Endpoint& each : engine::endpoints(engine, network)) {
      if (each.id == container.record.id) found = std::move(each);
    }
  }
  const auto [address, length] = split_prefix(found.address);
  const auto [address6, length6] = split_prefix(found.address6);
  const bool on = !address.empty();
  return {{"IPAMConfig", Json()},
          {"Links", Json()},
          {"Aliases", Json()},
          {"MacAddress", found.mac},
          {"NetworkID", network.id},
          {"EndpointID", found.endpoint_id},
          {"Gateway", on ? network.gateway : ""},
          {"IPAddress", address},
          {"IPPrefixLen", length},
          {"IPv6Gateway", address6.empty() ? "" : network.gateway6},
          {"GlobalIPv6Address", address6},
          {"GlobalIPv6PrefixLen", length6}};
}

Json port_map(ContainerViewer& viewer, const ContainerView& container) {
  Json ports = Json::object();
  for (const Port& port : viewer.ports(container)) {
    Json& bindings = ports[fmt::format("{}/{}", port.container_port, port.protocol)];
    if (port.host_port != 0)
      bindings.push_back({{"HostIp", port.address}, {"HostPort", std::to_string(port.host_port)}});
  }
  return ports;
}

}  // namespace

Json describe_network_settings(engine::Engine& engine, ContainerViewer& viewer, const ContainerView& container) {
  Json networks = Json::object();
  for (const std::string& name : networks_of(container.options)) {
    try {
      networks[name] = endpoint(engine, container, engine.networks.find(name));
    } catch (const Error&) {
      // The network is not there any more, or is another container's.
    }
  }
  Json settings = {{"SandboxID", container.runs() ? container.record.id : ""}, {"Ports", port_map(viewer, container)}};
  // Docker tells them of the default bridge once more, where they were before there were networks.
  const Json bridge = networks.contains("bridge") ? networks["bridge"] : Json::object();
  for (const char* field : {"EndpointID", "Gateway", "GlobalIPv6Address", "IPAddress", "MacAddress"})
    settings[field] = bridge.value(field, "");
  settings["IPPrefixLen"] = bridge.value("IPPrefixLen", 0);
  settings["Networks"] = std::move(networks);
  return settings;
}

}  // namespace coracle::cli
