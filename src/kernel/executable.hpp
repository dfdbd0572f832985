// The file that this process runs, which /proc/PID/exe offers to everybody who may look into it (proc(5)).
#pragma once

#include <sys/types.h>

namespace coracle::kernel {

// Before a process of ours joins the processes around `pid`, where it is needed: when they may have CAP_SYS_PTRACE over
// us, to which PR_SET_DUMPABLE means nothing. They could open /proc/PID/exe of the joining process, keep it, and write
// to it when nobody runs it any more (CVE-2019-5736). So this program is executed once more with the same arguments,
// from a read-only mount of its own file; in that one the call returns at once. Throws Error when it cannot be done.
void shield_executable_from(pid_t pid);

}  // namespace coracle::kernel
