// A child in namespaces of another process: setns(2), clone(2).
#pragma once

#include <cstdint>
#include <functional>

#include "kernel/process.hpp"

namespace coracle::kernel {

// A child of ours, a copy of this process, that is born in the namespaces of the kinds `namespaces` (CLONE_NEW*,
// without those of users and of time) of the process behind `pidfd`, and in the cgroup v2 directory `cgroup_fd` when
// that is not -1. It does `life`, which does not return. We stay where we are: a process between us enters the
// namespaces and makes the child. Unlike that of clone3_between() it borrows our memory, as with vfork(2): a third of
// the time, for what it does would otherwise be lost in the copying. Throws Error. The caller has one thread.
Child clone_joined(const Fd& pidfd, std::uint64_t namespaces, int cgroup_fd, const std::function<void()>& life);

}  // namespace coracle::kernel
