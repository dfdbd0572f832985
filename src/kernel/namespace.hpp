// Namespaces: namespaces(7), unshare(2), setns(2), and what belongs to one of them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <linux/sched.h>
#include <sys/types.h>

#include "kernel/fd.hpp"

namespace coracle::kernel {

// The flags as clone(2) names them ("NEWNS|NEWPID"), for errors and the timeline.
std::string flag_names(std::uint64_t flags);

void unshare(std::uint64_t flags);

// Moves this process into namespaces of the process behind `pidfd`, or into the one that a file
// below /proc/PID/ns stands for. For pid and time it is the next child that gets there.
void setns(const Fd& pidfd_or_namespace, std::uint64_t flags);

// Acts in a namespace of the process, of one kind, and comes back.
void in_namespace(const Fd& pidfd, std::uint64_t flag, const std::function<void()>& act);

// Opens a namespace by a path such as /proc/PID/ns/net or a file it is bound to. Throws when what is there is no
// namespace, or one of another kind than `flag` (CLONE_NEW*) says.
Fd open_namespace(const std::string& path, std::uint64_t flag);

constexpr std::uint64_t kAllNamespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
                                         CLONE_NEWNET | CLONE_NEWTIME | CLONE_NEWCGROUP;

// Those of `kinds` (CLONE_NEW*) in which the process `pid` is elsewhere than this one. Each costs 10 microseconds.
std::uint64_t different_namespaces(pid_t pid, std::uint64_t kinds = kAllNamespaces);

// Brings lo up in this network namespace: in a new one it is down, and nobody reaches 127.0.0.1.
void set_loopback_up();

void sethostname(const std::string& name);
void setdomainname(const std::string& name);  // NIS's, as uname(2) shows it

}  // namespace coracle::kernel
