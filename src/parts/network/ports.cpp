// Published ports: what -p says of them, and the host's own side of one. See ports.hpp; ip(7), bind(2).
#include "parts/network/ports.hpp"

#include <charconv>
#include <optional>

#include <netinet/in.h>
#include <sys/socket.h>

#include "kernel/recorder.hpp"
#include "kernel/rtnetlink.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr const char* kPortsNote = "/ports";  // one on each line

struct Range {
  unsigned first = 0, last = 0;
  unsigned size() const { return last - first + 1; }
};

[[noreturn]] void refuse_port(const std::string& text) {
  throw Error(
      "read the published port \"" + text + "\"", 0,
      "it is [[HOST_ADDRESS:]HOST_PORT:]CONTAINER_PORT[/tcp|/udp] with an IPv4 address and ports from 1 to 65535, "
      "or FIRST-LAST");
}

std::optional<unsigned> port_number(std::string_view text) {
  unsigned number = 0;
  const char* end = text.data() + text.size();
  const bool good = std::from_chars(text.data(), end, number) == std::from_chars_result{end, std::errc{}};
  return good && number >= 1 && number <= 65535 ? std::optional(number) : std::nullopt;
}

// "80", "8000-8005".
std::optional<Range> port_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = port_number(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : port_number(text.substr(dash + 1));
  return first && last && *first <= *last ? std::optional(Range{*first, *last}) : std::nullopt;
}

Fd hold(const PublishedPort& port) {
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

std::uint16_t port_of(const Fd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  const auto call = [&] { return getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size); };
  kernel::attempt(call, "getsockname");
  return ntohs(address.sin_port);
}

}  // namespace

Fd reserve(PublishedPort& port) {
  for (;; ++port.host_port) {
    try {
      Fd socket = hold(port);
      port.host_port = port_of(socket);
      port.last_host_port = 0;
      return socket;
    } catch (const Error& error) {
      if (error.code() != EADDRINUSE || port.host_port >= port.last_host_port) throw;
    }
  }
}

std::string port_text(const PublishedPort& port) {
  return fmt::format("{}{}{}:{}/{}", port.host_address, port.host_address.empty() ? "" : ":", port.host_port,
                     port.container_port, port.protocol);
}

std::vector<PublishedPort> parse_ports(const std::string& text) {
  PublishedPort port;
  const std::size_t slash = text.find('/');
  if (slash != std::string::npos) port.protocol = text.substr(slash + 1);
  if (port.protocol != "tcp" && port.protocol != "udp") refuse_port(text);
  std::string_view words = std::string_view(text).substr(0, slash);
  const std::size_t last = words.rfind(':');
  const auto inside = port_range(words.substr(last == std::string::npos ? 0 : last + 1));
  words = words.substr(0, last == std::string::npos ? 0 : last);
  const std::size_t colon = words.rfind(':');
  const bool has_address = colon != std::string::npos;
  if (has_address) port.host_address = words.substr(0, colon);
  if (has_address && !kernel::parse_ipv4(port.host_address)) refuse_port(text);
  if (port.host_address == "0.0.0.0") port.host_address.clear();
  const std::string_view host = words.substr(has_address ? colon + 1 : 0);
  const bool any = host.empty() && (has_address || last == std::string::npos);  // "80", "127.0.0.1::80"
  const auto outside = any ? std::optional(Range{}) : port_range(host);
  if (!inside || !outside) refuse_port(text);
  const bool one_of_many = inside->size() == 1 && outside->size() > 1;
  if (!any && !one_of_many && inside->size() != outside->size()) refuse_port(text);
  std::vector<PublishedPort> ports;
  for (unsigned i = 0; i < inside->size(); ++i) {
    port.container_port = static_cast<std::uint16_t>(inside->first + i);
    port.host_port = static_cast<std::uint16_t>(any ? 0 : outside->first + i);
    port.last_host_port = static_cast<std::uint16_t>(one_of_many ? outside->last : 0);
    ports.push_back(port);
  }
  return ports;
}

PublishedPort parse_port(const std::string& text) {
  const std::vector<PublishedPort> ports = parse_ports(text);
  if (ports.size() != 1) refuse_port(text);
  return ports[0];
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
