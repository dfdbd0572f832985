// The firewall of a network: its rules, and the ports of the host that lead to containers. See firewall.hpp; nft(8).
#include "parts/network/firewall.hpp"

#include <charconv>
#include <optional>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "kernel/nftables.hpp"
#include "kernel/recorder.hpp"
#include "kernel/spawn.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr const char* kPortsNote = "/ports";  // one on each line

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

[[noreturn]] void refuse_port(const std::string& text) {
  throw Error(
      "read the published port \"" + text + "\"", 0,
      "it is [HOST_ADDRESS:]HOST_PORT:CONTAINER_PORT[/tcp|/udp] with an IPv4 address and ports from 1 to 65535");
}

std::optional<std::uint16_t> port_number(std::string_view text) {
  std::uint16_t number = 0;
  const char* end = text.data() + text.size();
  const bool good = std::from_chars(text.data(), end, number) == std::from_chars_result{end, std::errc{}};
  return good && number != 0 ? std::optional(number) : std::nullopt;
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

Fd reserve(const PublishedPort& port) {
  const bool tcp = port.protocol == "tcp";
  const int type = (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC;
  Fd socket(kernel::attempt([&] { return ::socket(AF_INET, type, 0); }, "socket {}", port.protocol));
  // Connections of an earlier program that linger in TIME_WAIT do not count; a program that listens does.
  const int on = 1, off = 0;
  if (tcp) setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port.host_port);
  address.sin_addr.s_addr = htonl(kernel::parse_ipv4(port.host_address).value_or(INADDR_ANY));
  const auto call = [&] { return bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address); };
  if (kernel::note_call(call, "bind {}", port_text(port)) < 0) {
    const int error = errno;
    throw Error("publish " + port_text(port), error,
                error == EADDRINUSE      ? fmt::format("port {} is in use on this host", port.host_port)
                : error == EADDRNOTAVAIL ? port.host_address + " is not an address of this host"
                                         : "");
  }
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &off, sizeof off);
  return socket;
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

std::string port_text(const PublishedPort& port) {
  return fmt::format("{}{}{}:{}/{}", port.host_address, port.host_address.empty() ? "" : ":", port.host_port,
                     port.container_port, port.protocol);
}

PublishedPort parse_port(const std::string& text) {
  PublishedPort port;
  const std::size_t slash = text.find('/');
  if (slash != std::string::npos) port.protocol = text.substr(slash + 1);
  const std::string ports = text.substr(0, slash);
  const std::size_t last = ports.rfind(':');
  if (last == std::string::npos || (port.protocol != "tcp" && port.protocol != "udp")) refuse_port(text);
  const std::size_t first = last == 0 ? std::string::npos : ports.rfind(':', last - 1);
  if (first != std::string::npos) port.host_address = ports.substr(0, first);
  if (first != std::string::npos && !kernel::parse_ipv4(port.host_address)) refuse_port(text);
  const std::size_t host = first == std::string::npos ? 0 : first + 1;
  const auto host_port = port_number(std::string_view(ports).substr(host, last - host));
  const auto container_port = port_number(std::string_view(ports).substr(last + 1));
  if (!host_port || !container_port) refuse_port(text);
  port.host_port = *host_port;
  port.container_port = *container_port;
  if (port.host_address == "0.0.0.0") port.host_address.clear();
  return port;
}

void note_ports(const std::string& run_dir, const std::vector<PublishedPort>& ports) {
  std::string note;
  for (const PublishedPort& port : ports) note += port_text(port) + "\n";
  kernel::create_file(run_dir + kPortsNote, note);
}

std::vector<PublishedPort> noted_ports(const std::string& run_dir) {
  std::vector<PublishedPort> ports;
  if (!kernel::exists(run_dir + kPortsNote)) return ports;
  const std::string note = kernel::read_file(run_dir + kPortsNote);
  for (std::size_t begin = 0, end = 0; (end = note.find('\n', begin)) != std::string::npos; begin = end + 1) {
    ports.push_back(parse_port(note.substr(begin, end - begin)));
  }
  return ports;
}

}  // namespace coracle::parts
