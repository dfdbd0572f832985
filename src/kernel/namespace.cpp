#include "kernel/namespace.hpp"

#include <cstring>

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/recorder.hpp"

namespace coracle::kernel {

void unshare(std::uint64_t flags) {
  attempt([&] { return ::unshare(static_cast<int>(flags)); }, "unshare {:#x}", flags);
}

void setns(const Fd& pidfd_or_namespace, std::uint64_t flags) {
  attempt([&] { return ::setns(pidfd_or_namespace.get(), static_cast<int>(flags)); }, "setns {:#x}", flags);
}

void set_loopback_up() {
  const Fd socket(attempt([] { return ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); }, "socket AF_INET"));
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", sizeof "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  attempt([&] { return ioctl(socket.get(), SIOCSIFFLAGS, &request); }, "ioctl SIOCSIFFLAGS lo up");
}

void sethostname(const std::string& name) {
  attempt([&] { return ::sethostname(name.c_str(), name.size()); }, "sethostname {}", name);
}

}  // namespace coracle::kernel
