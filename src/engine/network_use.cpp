#include "engine/network_use.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "image/digest.hpp"
#include "kernel/error.hpp"
#include "parts/network/bridge.hpp"

namespace coracle::engine {
namespace {

using kernel::Error;

std::string name_of(const std::vector<Record>& records, const std::string& id) {
  for (const Record& record : records) {
    if (record.id == id) return record.name;
  }
  return id;
}

std::string mac_text(const kernel::Mac& mac) { return fmt::format("{:02x}", fmt::join(mac, ":")); }

}  // namespace

std::vector<Endpoint> endpoints(Engine& engine, const NetworkRecord& network) {
  std::vector<Endpoint> found;
  if (network.link.empty()) return found;
  const std::vector<Record> records = engine.records.all();
  const unsigned prefix = parts::parse_subnet(network.subnet).prefix;
  for (const parts::Lease& lease : parts::leases(engine.roots.run, network.link)) {
    found.push_back({.id = lease.id,
                     .name = name_of(records, lease.id),
                     .endpoint_id = image::hex_of(image::sha256(network.id + lease.id)),
                     .mac = mac_text(kernel::mac_of(lease.address)),
                     .address = fmt::format("{}/{}", kernel::ipv4_text(lease.address), prefix)});
  }
  return found;
}

bool in_use(const Engine& engine, const NetworkRecord& network) {
  return !network.link.empty() && !parts::leases(engine.roots.run, network.link).empty();
}

void remove_network(Engine& engine, const NetworkRecord& network) {
  engine.networks.remove(network, [&] {
    try {
      parts::remove_bridge(engine.roots.run, network.link);
    } catch (const Error& error) {
      if (error.code() != EBUSY) throw;
      std::string names;
      for (const Endpoint& each : endpoints(engine, network)) names += (names.empty() ? "" : ", ") + each.name;
      throw Error("remove the network " + network.name, EBUSY, "it has active endpoints: the containers " + names);
    }
  });
}

}  // namespace coracle::engine
