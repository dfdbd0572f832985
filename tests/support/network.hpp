// Real traffic for tests: sockets in any network namespace, and a namespace that plays the outside world.
#pragma once

#include <cstdint>
#include <string>

#include "kernel/namespace.hpp"
#include "kernel/process.hpp"
#include "support/support.hpp"

namespace coracle::test {

// What `action` gives, done in the network namespace of the process `pid`. A socket stays where it was made.
template <typename Action>
auto in_network_of(pid_t pid, Action action) {
  struct Return {
    kernel::Fd home = kernel::open("/proc/self/ns/net", O_RDONLY);
    ~Return() { kernel::setns(home, CLONE_NEWNET); }
  } back;
  kernel::setns(kernel::pidfd_open(pid), CLONE_NEWNET);
  return action();
}

// A socket of `type` (SOCK_STREAM, SOCK_DGRAM) that waits for others on the port of the address.
kernel::Fd listen_on(int type, std::uint16_t port, const std::string& address = "0.0.0.0");

// Sends a word from a new socket to address:port and waits for it on `listener`, which must be of the same type.
// Gives the address from which it came, as the listener sees it; "" when it did not come.
std::string reach(const kernel::Fd& listener, int type, const std::string& address, std::uint16_t port);

// Sends a datagram and says whether it came; no answer has to find its way back.
bool arrives(const kernel::Fd& listener, const std::string& address, std::uint16_t port);

// A network namespace beside the host's, joined to it by a link: the host is 198.51.100.1, the world 198.51.100.2
// (TEST-NET-2 of RFC 5737).
class World {
 public:
  World();
  ~World();
  pid_t pid() const { return process_.pid(); }

 private:
  Running process_;
};

}  // namespace coracle::test
