// Part: network. A veth pair between the container and a bridge, an address, routes, names, NAT and
// published ports.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "parts/part.hpp"

namespace coracle::parts {

struct PublishedPort {
  std::string host_address;          // IPv4; "" is every address of the host
  std::uint16_t host_port = 0;       // 0 is one that is free
  std::uint16_t last_host_port = 0;  // the first free one from host_port to this one; 0: host_port alone
  std::uint16_t container_port = 0;
  std::string protocol = "tcp";  // or "udp"
};

// What /etc/hosts, /etc/hostname and /etc/resolv.conf say; hosts(5), resolv.conf(5).
struct NameOptions {
  std::string hostname;                               // "" is the id
  std::vector<std::string> hosts;                     // more lines of /etc/hosts: "10.0.0.1\tdb"
  std::vector<std::string> servers, search, options;  // empty: as the host has them
};

struct NetworkOptions {
  std::string bridge = "coracle0";
  std::string subnet = "10.77.0.0/16";
  std::string gateway;   // the bridge's own address, inside the subnet; "" is the first
  std::string ip_range;  // the part of the subnet that free addresses are taken of; "" is all of it
  std::string address;   // the container's own, inside the subnet; "" takes a free one
  std::vector<PublishedPort> ports;
  NameOptions names;
  bool keep_bridge = false;           // the bridge and the rules stay after the last container, as docker0 does
  bool internal = false;              // nothing gets out of the network
  bool name_service = false;          // containers of this network find each other by name
  std::vector<std::string> known_as;  // the names of this one there
  // A container on several networks has a part for each: the first gives it its default route and its name files.
  bool first = true;
};

std::unique_ptr<Part> make_network(NetworkOptions options);

// Connects the running container of context.pid to one more network, as such a part would have, or takes it off the
// network of this bridge. Throws Error ENOENT: the container has ended; disconnect(): it is not on that network.
void connect(Context& context, NetworkOptions options);
void disconnect(const Context& context, const std::string& bridge);

// Reads docker's -p: "8080:80", "127.0.0.1:8080:80/udp", "80", "8000-8010:80"; and for several at once
// "8000-8005:80-85". Throws Error with what was read and what is allowed.
PublishedPort parse_port(const std::string& text);
std::vector<PublishedPort> parse_ports(const std::string& text);

// The address that the network part gave to the container with this run directory; "" when it has none.
std::string container_address(const std::string& run_dir);

}  // namespace coracle::parts
