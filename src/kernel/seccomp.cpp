#include "kernel/seccomp.hpp"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/recorder.hpp"

namespace coracle::kernel {

void seccomp_set_filter(const FilterProgram& program, unsigned flags) {
  if (program.size() > BPF_MAXINSNS) {
    throw Error(fmt::format("seccomp with {} instructions", program.size()), E2BIG,
                fmt::format("a filter has {} at most", BPF_MAXINSNS));
  }
  const sock_fprog filter{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
  // With SECCOMP_FILTER_FLAG_TSYNC a positive result names the thread that could not follow.
  const long result = attempt([&] { return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter); },
                              "seccomp SECCOMP_SET_MODE_FILTER {} instructions", program.size());
  if (result > 0) throw Error(fmt::format("seccomp: thread {} has another filter", result), 0);
}

}  // namespace coracle::kernel
