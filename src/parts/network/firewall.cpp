// The firewall of a network: its rules, and the ports of the host that lead to containers. See firewall.hpp; nft(8).
#include "parts/network/firewall.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "kernel/nftables.hpp"
#include "kernel/recorder.hpp"
#include "kernel/spawn.hpp"
#include "parts/network/ports.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;

// BRIDGE and SUBNET are replaced. A container adds and takes back elements of the two maps, nothing else.
constexpr std::string_view kRules = R"(
table ip BRIDGE
delete table ip BRIDGE
table ip BRIDGE {
	comment "coracle: the network BRIDGE, see lessons/06-network"

	map published {
		comment "protocol and port of the host : address and port of the container"
		type inet_proto . inet_service : ipv4_addr . inet_service
	}
	map published_on_address {
		comment "the same for ports that are published on one address of the host"
		type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
	}

	chain arriving {
		type nat hook prerouting priority dstnat
		fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @published_on_address
		fib daddr type local dnat ip to meta l4proto . th dport map @published
	}
	chain from_this_host {
		type nat hook output priority -100
		fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @published_on_address
		fib daddr type local dnat ip to meta l4proto . th dport map @published
	}
	chain leaving {
		type nat hook postrouting priority srcnat
		ip saddr SUBNET oifname != "BRIDGE" masquerade comment "to the world"
		ip saddr SUBNET oifname "BRIDGE" ct status dnat masquerade comment "to a neighbour's published port"
		ip saddr 127.0.0.0/8 oifname "BRIDGE" masquerade comment "from 127.0.0.1 to a published port"
	}
	chain closed_doors {
		type filter hook forward priority filter
		iifname != "BRIDGE" oifname "BRIDGE" ct state new ct status ! dnat drop comment "only published ports"
	}
	chain host_loopback {
		type filter hook prerouting priority raw
		iifname "BRIDGE" ip daddr 127.0.0.0/8 drop comment "what route_localnet would let through"
		iifname "BRIDGE" ip saddr 127.0.0.0/8 drop
	}
}
)";

constexpr std::string_view kInternalRules = R"(
table ip BRIDGE {
	chain no_way_out {
		type filter hook forward priority filter
		iifname "BRIDGE" oifname != "BRIDGE" drop comment "an internal network"
		iifname != "BRIDGE" oifname "BRIDGE" drop
	}
}
)";

constexpr std::string_view kNameRules = R"(
table ip BRIDGE {
	chain name_service {
		type filter hook input priority filter
		iifname "lo" accept
		iifname != "BRIDGE" ip daddr NAME_SERVER meta l4proto { tcp, udp } th dport 53 drop comment "for its own containers"
	}
}
)";

kernel::NftElement element_of(const PublishedPort& port) {
  const std::uint8_t protocol = port.protocol == "tcp" ? IPPROTO_TCP : IPPROTO_UDP;
  kernel::NftElement element;
  element.map = port.host_address.empty() ? "published" : "published_on_address";
  if (!port.host_address.empty()) element.key.address(kernel::parse_ipv4(port.host_address).value_or(0));
  element.key.protocol(protocol).service(port.host_port);
  return element;
}

}  // namespace

std::string rules_of(const std::string& bridge, const std::string& subnet, bool internal,
                     const std::string& name_server) {
  std::string rules(kRules);
  if (internal) rules += kInternalRules;
  if (!name_server.empty()) rules += kNameRules;
  const auto replace = [&](std::string_view from, const std::string& to) {
    for (std::size_t at = rules.find(from); at != std::string::npos; at = rules.find(from, at + to.size())) {
      rules.replace(at, from.size(), to);
    }
  };
  replace("NAME_SERVER", name_server);
  replace("SUBNET", subnet);
  replace("BRIDGE", bridge);
  return rules;
}

void load_rules(const std::string& rules) {
  try {
    kernel::spawn({"nft", "-f", "-"}, rules);
  } catch (Error& error) {
    if (error.code() == ENOENT) error.with_hint("install nftables, which networks need");
    throw;
  }
}

void open_ports(const std::string& bridge, const std::vector<PublishedPort>& ports, kernel::Ipv4 address) {
  std::vector<kernel::NftElement> elements;
  std::string texts;
  for (const PublishedPort& port : ports) {
    elements.push_back(element_of(port));
    elements.back().data.address(address).service(port.container_port);
    texts += " " + port_text(port);
  }
  kernel::NetlinkSocket nftables(NETLINK_NETFILTER);
  try {
    kernel::add_elements(nftables, bridge, elements);
  } catch (const Error& error) {
    if (error.code() != EEXIST) throw;
    throw Error("publish" + texts, EADDRINUSE,
                "a port is in use by another container (nft list table ip " + bridge + ")");
  }
}

void close_ports(const std::string& bridge, const std::vector<PublishedPort>& ports) {
  if (ports.empty()) return;
  kernel::NetlinkSocket nftables(NETLINK_NETFILTER);
  for (const PublishedPort& port : ports) kernel::delete_element(nftables, bridge, element_of(port));
}

}  // namespace coracle::parts
