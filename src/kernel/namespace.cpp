#include "kernel/namespace.hpp"

#include <sched.h>
#include <unistd.h>

#include "kernel/recorder.hpp"

namespace coracle::kernel {

void unshare(std::uint64_t flags) {
  attempt([&] { return ::unshare(static_cast<int>(flags)); }, "unshare {:#x}", flags);
}

void setns(const Fd& pidfd_or_namespace, std::uint64_t flags) {
  attempt([&] { return ::setns(pidfd_or_namespace.get(), static_cast<int>(flags)); }, "setns {:#x}", flags);
}

void sethostname(const std::string& name) {
  attempt([&] { return ::sethostname(name.c_str(), name.size()); }, "sethostname {}", name);
}

}  // namespace coracle::kernel
