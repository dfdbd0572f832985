// coracle network inspect: networks as JSON, with docker's fields.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "engine/network_use.hpp"
#include "image/time.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using Json = nlohmann::ordered_json;
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

Json describe(engine::Engine& engine, const NetworkRecord& network) {
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

}  // namespace

int network_inspect(const Door& door, std::vector<std::string> words) {
  Options options("network inspect", "NETWORK [NETWORK...]", "Tell all about networks, as JSON");
  if (!options.read(words)) return 0;
  if (words.empty())
    throw Error("read the command line", 0, "a network is missing; see coracle network inspect --help");
  engine::Engine engine(door.roots);
  sweep(engine);
  Json all = Json::array();
  const int status =
      for_each(words, [&](const std::string& name) { all.push_back(describe(engine, engine.networks.find(name))); });
  fmt::print("{}\n", all.dump(4, ' ', false, Json::error_handler_t::replace));
  return status;
}

}  // namespace coracle::cli
