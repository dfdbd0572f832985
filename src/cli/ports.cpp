#include "cli/ports.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

std::string with_address(const std::string& address, const std::string& port) {
  return (address.find(':') == std::string::npos ? address : "[" + address + "]") + ":" + port;
}

// Ports that follow each other, published on one address under the same numbers, or not published.
struct Group {
  std::string address, protocol;
  std::uint16_t first = 0, last = 0;

  bool takes(const Port& port) const {
    return port.address == address && port.protocol == protocol && port.container_port == last + 1;
  }
  std::string text() const {
    const std::string range = first == last ? std::to_string(first) : fmt::format("{}-{}", first, last);
    return (address.empty() ? "" : with_address(address, range) + "->") + range + "/" + protocol;
  }
};

std::uint16_t parse_number(const std::string& text, const std::string& whole) {
  std::uint16_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || number == 0)
    throw kernel::Error("read the port " + whole, 0, "write 80, 80/udp or 8000-8010").with_status(1);
  return number;
}

}  // namespace

std::string host_side(const Port& port) { return with_address(port.address, std::to_string(port.host_port)); }

std::string format_ports(std::vector<Port> ports) {
  std::sort(ports.begin(), ports.end(), [](const Port& a, const Port& b) {
    return std::tie(a.container_port, a.address, a.host_port, a.protocol) <
           std::tie(b.container_port, b.address, b.host_port, b.protocol);
  });
  std::vector<Group> groups;
  std::vector<std::string> moved;  // published under another number
  for (const Port& port : ports) {
    if (!port.address.empty() && port.host_port != port.container_port) {
      moved.push_back(fmt::format("{}->{}/{}", host_side(port), port.container_port, port.protocol));
      continue;
    }
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& each) { return each.takes(port); });
    if (group != groups.end()) {
      group->last = port.container_port;
    } else {
      groups.push_back({port.address, port.protocol, port.container_port, port.container_port});
    }
  }
  std::vector<std::string> texts;
  for (const Group& group : groups) texts.push_back(group.text());
  texts.insert(texts.end(), moved.begin(), moved.end());
  return fmt::format("{}", fmt::join(texts, ", "));
}

PortRange parse_port_range(const std::string& text) {
  PortRange range;
  const std::size_t slash = text.find('/');
  range.protocol = slash == std::string::npos ? "tcp" : text.substr(slash + 1);
  const std::string numbers = text.substr(0, slash);
  const std::size_t dash = numbers.find('-');
  range.first = parse_number(numbers.substr(0, dash), text);
  range.last = dash == std::string::npos ? range.first : parse_number(numbers.substr(dash + 1), text);
  return range;
}

}  // namespace coracle::cli
