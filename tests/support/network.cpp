#include "support/network.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

namespace coracle::test {
namespace {

sockaddr_in address_of(const std::string& address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  REQUIRE(inet_pton(AF_INET, address.c_str(), &result.sin_addr) == 1);
  return result;
}

std::string text_of(const sockaddr_in& address) {
  char text[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
  return text;
}

// What nobody answers is given this long; what is answered takes microseconds.
constexpr int kPatience = 1000;

bool ready(const kernel::Fd& socket, short what) {
  pollfd waiting{socket.get(), what, 0};
  return poll(&waiting, 1, kPatience) == 1;
}

}  // namespace

kernel::Fd listen_on(int type, std::uint16_t port, const std::string& address) {
  kernel::Fd listener(socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (type == SOCK_STREAM) setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in here = address_of(address, port);
  REQUIRE(bind(listener.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) == 0);
  if (type == SOCK_STREAM) REQUIRE(listen(listener.get(), 16) == 0);
  return listener;
}

std::string reach(const kernel::Fd& listener, int type, const std::string& address, std::uint16_t port) {
  const kernel::Fd caller(socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_in there = address_of(address, port);
  if (connect(caller.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) < 0 && errno != EINPROGRESS)
    return "";
  if (!ready(caller, POLLOUT) || send(caller.get(), "word", 4, MSG_NOSIGNAL) != 4) return "";
  if (!ready(listener, POLLIN)) return "";
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  char word[4] = {};
  if (type == SOCK_DGRAM) {
    if (recvfrom(listener.get(), word, sizeof word, 0, reinterpret_cast<sockaddr*>(&peer), &size) != 4) return "";
    // The answer has to find its way back through the same translation.
    sendto(listener.get(), "back", 4, 0, reinterpret_cast<const sockaddr*>(&peer), size);
  } else {
    const kernel::Fd accepted(accept(listener.get(), reinterpret_cast<sockaddr*>(&peer), &size));
    if (!ready(accepted, POLLIN) || recv(accepted.get(), word, sizeof word, 0) != 4) return "";
    send(accepted.get(), "back", 4, MSG_NOSIGNAL);
  }
  if (!ready(caller, POLLIN) || recv(caller.get(), word, sizeof word, 0) != 4) return "";
  return std::string(word, 4) == "back" ? text_of(peer) : "";
}

bool arrives(const kernel::Fd& listener, const std::string& address, std::uint16_t port) {
  const kernel::Fd caller(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_in there = address_of(address, port);
  const ssize_t sent = sendto(caller.get(), "word", 4, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there);
  char word[4] = {};
  return sent == 4 && ready(listener, POLLIN) && recv(listener.get(), word, sizeof word, 0) == 4;
}

World::World() : process_({"unshare", "--net", "sh", "-c", "ip link set lo up; echo ready; exec cat"}) {
  process_.read_until("ready");
  const std::string script = fmt::format(
      "ip link add world0 type veth peer name eth0 netns {0} && ip addr add 198.51.100.1/24 dev world0 &&"
      "ip link set world0 up && nsenter -t {0} -n ip addr add 198.51.100.2/24 dev eth0 &&"
      "nsenter -t {0} -n ip link set eth0 up",
      process_.pid());
  const Result made = run({"sh", "-c", script});
  INFO(made.err);
  REQUIRE(made.status == 0);
}

World::~World() { run({"ip", "link", "delete", "world0"}); }

}  // namespace coracle::test
