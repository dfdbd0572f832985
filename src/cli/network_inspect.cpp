// coracle network inspect: networks as JSON, with docker's fields.
#include "cli/cli.hpp"
#include "cli/describe.hpp"
#include "cli/options.hpp"
#include "engine/network_use.hpp"
#include "image/time.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using engine::NetworkRecord;
using kernel::Error;

Json addresses(const NetworkRecord& network) {
  Json pools = Json::array();
  if (!network.subnet.empty()) {
    Json pool = {{"Subnet", network.subnet}};
    if (!network.ip_range.empty()) pool["IPRange"] = network.ip_range;
    pool["Gateway"] = network.gateway;
    pools.push_back(pool);
  }
  if (!network.subnet6.empty()) pools.push_back({{"Subnet", network.subnet6}, {"Gateway", network.gateway6}});
  return {{"Driver", "default"}, {"Options", Json::object()}, {"Config", pools}};
}

Json containers(engine::Engine& engine, const NetworkRecord& network) {
  Json all = Json::object();
  for (const engine::Endpoint& each : engine::endpoints(engine, network)) {
    all[each.id] = {{"Name", each.name},
                    {"EndpointID", each.endpoint_id},
                    {"MacAddress", each.mac},
                    {"IPv4Address", each.address},
                    {"IPv6Address", each.address6}};
  }
  return all;
}

}  // namespace

Json describe_network(engine::Engine& engine, const std::string& name) {
  const NetworkRecord network = engine.networks.find(name);
  return {{"Name", network.name},
          {"Id", network.id},
          {"Created", image::rfc3339(network.created)},
          {"Scope", "local"},
          {"Driver", network.driver},
          {"EnableIPv4", true},
          {"EnableIPv6", network.ipv6},
          {"IPAM", addresses(network)},
          {"Internal", network.internal},
          {"Attachable", false},
          {"Ingress", false},
          {"ConfigFrom", {{"Network", ""}}},
          {"ConfigOnly", false},
          {"Containers", containers(engine, network)},
          {"Options", network.options},
          {"Labels", network.labels}};
}

int network_inspect(const Door& door, std::vector<std::string> words) {
  Options options("network inspect", "[OPTIONS] NETWORK [NETWORK...]", "Tell all about networks, as JSON");
  std::string format;
  options.value('f', "format", "TEMPLATE", kInspectFormat, format);
  if (!options.read(words)) return 0;
  if (words.empty())
    throw Error("read the command line", 0, "a network is missing; see coracle network inspect --help");
  engine::Engine engine(door.roots);
  sweep(engine);
  return print_inspected(words, format, [&](const std::string& name) { return describe_network(engine, name); });
}

}  // namespace coracle::cli
