// What this kernel can do and lets us do, found out by doing it: in a child, in namespaces that die with it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "kernel/error.hpp"

namespace coracle::kernel {

// What failed; nothing when it worked.
using Failure = std::optional<Error>;

// Does `deed` in a child that is born in new namespaces (CLONE_NEW*); with a mount namespace among them, nothing that
// is mounted there gets out of it.
Failure probe(
    std::uint64_t namespaces, const std::function<void()>& deed = [] {});

// A user namespace made by a user without any privilege, and a mount in it: AppArmor may allow the one and
// not the other (sysctl kernel.apparmor_restrict_unprivileged_userns).
Failure probe_user_namespace();

// overlayfs mounted in a user namespace, with attributes that its users may write (userxattr, Linux 5.11), on a tmpfs.
Failure probe_user_overlay();

// Whether every user may open /dev/net/tun.
Failure probe_tun();

// openat2(2), Linux 5.6.
Failure probe_openat2();

// open_tree(2), mount_setattr(2) and move_mount(2), Linux 5.12, in a mount namespace and `namespaces`.
Failure probe_mount_api(std::uint64_t namespaces = 0);

// overlayfs with its upper directory below `directory`, which exists. Nothing stays in it.
Failure probe_overlay(const std::string& directory);

// overlayfs with its upper directory on overlayfs.
Failure probe_overlay_on_overlay();

// A bridge with one end of a veth pair.
Failure probe_bridge();

// nft(8) and what the kernel needs for this ruleset.
Failure probe_nftables(const std::string& ruleset);

// Turning forwarding on: the sysctl, in a network namespace of its own.
Failure probe_forwarding();

// seccomp(2) filters.
Failure probe_seccomp();

// A cgroup with a limit of this controller: "cpu", "cpuset", "io", "memory", "pids".
Failure probe_cgroup(const std::string& controller);

// clone3(2) with CLONE_INTO_CGROUP. ENOTSUP where there is no cgroup v2 to be born in.
Failure probe_clone_into_cgroup();

}  // namespace coracle::kernel
