// Links, addresses and routes: rtnetlink(7), veth(4), and the IFLA_ attributes of <linux/if_link.h>.
// Each function gives a message; a NetlinkSocket(NETLINK_ROUTE) sends one or several of them at once.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

#include "kernel/netlink.hpp"

namespace coracle::kernel {

using Mac = std::array<std::uint8_t, 6>;

// An IPv4 address as a number one can count with: 10.77.0.2 is 0x0a4d0002.
using Ipv4 = std::uint32_t;
std::optional<Ipv4> parse_ipv4(const std::string& text);
std::string ipv4_text(Ipv4 address);

// A bridge that is up. Its MAC is given, or it would change with the ports that come and go.
NetlinkMessage add_bridge(const std::string& name, const Mac& mac);

// One end of a veth pair.
struct VethEnd {
  std::string name;
  Mac mac;
};

// A veth pair, both ends up, in one message: the end `host` is a port of the bridge with index `bridge`, the end
// `peer` is born in the network namespace of the process `pid`. One queue each way: more cost time to make
// (160 us on two processors) and a veth sends on one.
NetlinkMessage add_veth(const VethEnd& host, const VethEnd& peer, unsigned bridge, pid_t pid);

// Deletes a link; of a veth pair, both ends.
NetlinkMessage delete_link(const std::string& name);

NetlinkMessage set_up(unsigned index);

// `prefix` is the number of bits that the network shares: 16 for 10.77.0.2/16.
NetlinkMessage add_address(unsigned index, Ipv4 address, unsigned prefix);

NetlinkMessage add_default_route(unsigned index, Ipv4 gateway);

}  // namespace coracle::kernel
