// One entry of the list of mounts, brought into the root.
#pragma once

#include <string>
#include <vector>

#include "kernel/fd.hpp"
#include "parts/mounts.hpp"
#include "parts/mounts/options.hpp"

namespace coracle::parts {

// What a mount needs to know of the container.
struct MountPlace {
  const kernel::Fd& root;           // the directory that becomes "/"
  std::uint64_t clone_flags;        // CLONE_NEW*: the namespaces that are the container's own
  std::vector<kernel::Fd>& sealed;  // out: mounts that become read-only when all mounts are made
};

// A detached copy of what a bind mount shows, with the attributes that its options say.
kernel::Fd take_bind(const Mount& mount, const MountFlags& flags);

// Attaches it. Changes the working directory, as attach_file_system() does.
void attach_bind(const Mount& mount, const MountFlags& flags, const kernel::Fd& tree, const MountPlace& place);

void attach_file_system(const Mount& mount, const MountFlags& flags, const MountPlace& place);

// What the options say about this mount's propagation, and about the mounts below it.
void set_below(const kernel::Fd& mount, const MountFlags& flags);

// The control groups, as a container sees them at /sys/fs/cgroup: version 2 as a whole, of version 1 the directory for
// each hierarchy that the host has (cgroup.cpp).
void attach_cgroup(const Mount& mount, const MountFlags& flags, const MountPlace& place);

// The mount that was just made at `destination`. A root file system shared with a running container can change under
// us: what is found there now must be a mount, and mounts in this namespace are ours.
kernel::Fd open_own_mount(const kernel::Fd& root, const std::string& destination);

}  // namespace coracle::parts
