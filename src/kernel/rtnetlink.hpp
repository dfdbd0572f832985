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

// An IPv4 address as a number one can count with: 10.77.0.2 is 0x0a4d0002.
using Ipv4 = std::uint32_t;
std::optional<Ipv4> parse_ipv4(const std::string& text);
std::string ipv4_text(Ipv4 address);
bool is_ipv6(const std::string& text);

using Mac = std::array<std::uint8_t, 6>;

// A locally administered MAC made of the address, as docker does it: whoever is given the address next has the MAC
// that its neighbours remember for it.
Mac mac_of(Ipv4 address);

// A bridge that is up. Its MAC is given, or it would change with the ports that come and go.
NetlinkMessage add_bridge(const std::string& name, const Mac& mac);

// A veth pair in one message: the end `host` is up and a port of the bridge with index `bridge`, the end `peer` is
// born in the network namespace of the process `pid`, and down: it cannot be opened before it has a peer
// (ENOTCONN from veth_open). One queue each way: a veth sends on one, and more cost time to make (160 us on two
// processors).
NetlinkMessage add_veth(const std::string& host, unsigned bridge, const std::string& peer, const Mac& mac, pid_t pid);

// Deletes a link; of a veth pair, both ends. The kernel answers when it is gone, which takes two or three RCU grace
// periods: 40 ms and more.
NetlinkMessage delete_link(const std::string& name);

// The bridge may send a packet out of the port by which it came.
NetlinkMessage set_hairpin(const std::string& port);

// From now on the bridge neither sends to nor takes from its port with this index, and has forgotten what it learned
// there. At once: nothing is waited for.
NetlinkMessage disable_port(unsigned index);

NetlinkMessage set_up(unsigned index);

// `prefix` is the number of bits that the network shares: 16 for 10.77.0.2/16.
NetlinkMessage add_address(unsigned index, Ipv4 address, unsigned prefix);

NetlinkMessage add_default_route(unsigned index, Ipv4 gateway);

// Which of this host's networks the address lies in: "10.77.0.0/16 on eth1"; "" when only the default route leads
// there.
std::string network_of(NetlinkSocket& socket, Ipv4 address);

}  // namespace coracle::kernel
