// Part: network. A veth pair between the container and a bridge, an address, routes, names, NAT and
// published ports.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "parts/part.hpp"

namespace coracle::parts {

struct PublishedPort {
  std::string host_address;  // IPv4; "" is every address of the host
  std::uint16_t host_port = 0;
  std::uint16_t container_port = 0;
  std::string protocol = "tcp";  // or "udp"
};

struct NetworkOptions {
  std::string bridge = "coracle0";
  std::string subnet = "10.77.0.0/16";  // the bridge has its first address
  std::string address;                  // the container's own, inside the subnet; "" takes a free one
  std::vector<PublishedPort> ports;
  std::string hostname;      // for /etc/hosts and /etc/hostname; "" is the id
  bool keep_bridge = false;  // the bridge and the rules stay after the last container, as docker0 does
};

std::unique_ptr<Part> make_network(NetworkOptions options);

// Reads docker's -p: "8080:80", "127.0.0.1:8080:80/udp". Throws Error with what was read and what is allowed.
PublishedPort parse_port(const std::string& text);

// The address that the network part gave to the container with this run directory; "" when it has none.
std::string container_address(const std::string& run_dir);

}  // namespace coracle::parts
