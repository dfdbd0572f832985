#include "kernel/namespace.hpp"

#include <cstring>

#include <linux/sched.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/recorder.hpp"

namespace coracle::kernel {

std::string flag_names(std::uint64_t flags) {
  static constexpr std::pair<std::uint64_t, const char*> kNames[] = {
      {CLONE_NEWNS, "NEWNS"},     {CLONE_NEWPID, "NEWPID"},       {CLONE_NEWUTS, "NEWUTS"},
      {CLONE_NEWIPC, "NEWIPC"},   {CLONE_NEWNET, "NEWNET"},       {CLONE_NEWTIME, "NEWTIME"},
      {CLONE_NEWUSER, "NEWUSER"}, {CLONE_NEWCGROUP, "NEWCGROUP"}, {CLONE_INTO_CGROUP, "INTO_CGROUP"}};
  std::string names;
  for (const auto& [flag, name] : kNames) {
    if ((flags & flag) != 0) names += (names.empty() ? "" : "|") + std::string(name);
  }
  return names;
}

void unshare(std::uint64_t flags) {
  attempt([&] { return ::unshare(static_cast<int>(flags)); }, "unshare {}", flag_names(flags));
}

void setns(const Fd& pidfd_or_namespace, std::uint64_t flags) {
  attempt([&] { return ::setns(pidfd_or_namespace.get(), static_cast<int>(flags)); }, "setns {}", flag_names(flags));
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
