// Ports as docker's lists show them: "0.0.0.0:8080->80/tcp, 6379/tcp".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace coracle::cli {

struct Port {
  std::string address;          // of the host; "" when it is not published
  std::uint16_t host_port = 0;  // 0 when it is not published
  std::uint16_t container_port = 0;
  std::string protocol = "tcp";
};

// In docker's order; neighbours that are published alike are one range: "0.0.0.0:80-82->80-82/tcp".
std::string format_ports(std::vector<Port> ports);

// "0.0.0.0:8080", "[::]:8080".
std::string host_side(const Port& port);

// A range that a filter or a command names: "80", "80/udp", "8000-8010/tcp". Throws Error.
struct PortRange {
  std::uint16_t first = 0, last = 0;
  std::string protocol;
  bool contains(std::uint16_t port, const std::string& of) const {
    return port >= first && port <= last && of == protocol;
  }
};
PortRange parse_port_range(const std::string& text);

}  // namespace coracle::cli
