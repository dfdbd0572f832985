#include "engine/subnets.hpp"

#include <fmt/format.h>

#include "kernel/error.hpp"
#include "parts/network/bridge.hpp"

namespace coracle::engine {
namespace {

using kernel::Error;
using kernel::Ipv4;
using parts::Subnet;

[[noreturn]] void refuse(const NetworkRecord& network, const std::string& why) {
  throw Error("create the network " + network.name, 0, why);
}

bool has(const Subnet& subnet, Ipv4 address) { return address >= subnet.network && address <= subnet.broadcast(); }

bool overlap(const Subnet& one, const Subnet& two) { return has(one, two.network) || has(two, one.network); }

// The network that has a part of the subnet; "" is none.
std::string holder(const Subnet& subnet, const std::vector<NetworkRecord>& others) {
  for (const NetworkRecord& other : others) {
    if (!other.subnet.empty() && overlap(subnet, parts::parse_subnet(other.subnet))) return other.name;
  }
  return {};
}

std::string free_subnet(const NetworkRecord& network, const std::vector<NetworkRecord>& others,
                        const std::function<std::string(const std::string&)>& refused) {
  constexpr Ipv4 kFirst = (10U << 24U) | (78U << 16U), kLast = (10U << 24U) | (96U << 16U);
  constexpr Ipv4 kStep = 256;
  for (Ipv4 at = kFirst; at < kLast; at += kStep) {
    const std::string subnet = kernel::ipv4_text(at) + "/24";
    if (holder({at, 24}, others).empty() && refused(subnet).empty()) return subnet;
  }
  refuse(network, "no subnet between 10.78.0.0 and 10.95.255.255 is free; choose one (--subnet)");
}

Ipv4 address_in(const NetworkRecord& network, const Subnet& subnet, const std::string& text, const char* what) {
  const auto address = kernel::parse_ipv4(text);
  if (address && *address > subnet.network && *address < subnet.broadcast()) return *address;
  refuse(network, fmt::format("the {} {} is no address in the subnet {}", what, text, network.subnet));
}

void check_range(const NetworkRecord& network, const Subnet& subnet) {
  const Subnet range = parts::parse_range(network.ip_range);
  if (!has(subnet, range.network) || !has(subnet, range.broadcast()))
    refuse(network, fmt::format("the range {} is not inside the subnet {}", network.ip_range, network.subnet));
}

}  // namespace

void choose_addresses(NetworkRecord& network, const std::vector<NetworkRecord>& others,
                      const std::function<std::string(const std::string&)>& refused) {
  if (network.subnet.empty()) {
    if (!network.gateway.empty() || !network.ip_range.empty())
      refuse(network, "a gateway and a range of addresses need the subnet that they are of (--subnet)");
    network.subnet = free_subnet(network, others, refused);
  } else {
    const Subnet wanted = parts::parse_subnet(network.subnet);
    if (const std::string name = holder(wanted, others); !name.empty())
      refuse(network, "its subnet " + network.subnet + " overlaps with that of the network " + name);
    if (const std::string why = refused(network.subnet); !why.empty())
      refuse(network, "this host has the network " + why + " already; choose another subnet");
  }
  const Subnet subnet = parts::parse_subnet(network.subnet);
  if (network.gateway.empty()) network.gateway = kernel::ipv4_text(subnet.gateway());
  address_in(network, subnet, network.gateway, "gateway");
  if (!network.ip_range.empty()) check_range(network, subnet);
}

std::string host_network_in(const std::string& text) {
  const Subnet subnet = parts::parse_subnet(text);
  kernel::NetlinkSocket route(NETLINK_ROUTE);
  for (const Ipv4 address : {subnet.network, subnet.gateway(), subnet.broadcast()}) {
    if (std::string found = kernel::network_of(route, address); !found.empty()) return found;
  }
  return {};
}

}  // namespace coracle::engine
