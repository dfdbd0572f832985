// The last steps of the child: from the container as the parts made it to the program that runs in it.
#pragma once

#include <csignal>

#include "kernel/fd.hpp"
#include "launch/spec.hpp"

namespace coracle::launch {

// Ends this process when the other end of `meeting` is closed. To be asked after die_with_parent(), which does
// nothing for a child whose parent is dead already.
void leave_if_orphaned(const kernel::Fd& meeting);

// Becomes the process's user, goes to its directory, and executes its program; never returns. `meeting` is the
// child's end of the line to the parent: when it is closed from the other side, the parent is dead and so are we.
// Throws Error with status 127 when the program is not found, 126 when it cannot be executed.
[[noreturn]] void execute(const Process& process, const kernel::Fd& meeting, const sigset_t& mask);

}  // namespace coracle::launch
