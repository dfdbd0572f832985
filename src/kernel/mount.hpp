// Mounts and roots: mount(2), the mount API with descriptors (open_tree(2), move_mount(2),
// mount_setattr(2)), pivot_root(2), chroot(2).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <sys/mount.h>

#include "kernel/fd.hpp"

namespace coracle::kernel {

void mount(const std::string& source, const std::string& target, const std::string& type, unsigned long flags,
           const std::string& data = {});

// The same on the very directory that `target` (opened O_PATH) stands for: no path is walked again, so nobody can
// change where it leads. It becomes the working directory: "." is a path that cannot be changed, and cheaper than
// /proc/self/fd/N. `name` is what errors and the timeline call it.
void mount(const std::string& source, const Fd& target, const std::string& name, const std::string& type,
           unsigned long flags, const std::string& data = {});

// Changes only the propagation of the tree at `target`: MS_PRIVATE, MS_SLAVE, MS_SHARED (mount_namespaces(7)).
void set_propagation(const std::string& target, unsigned long propagation);

void umount(const std::string& target, int flags = 0);

// A detached copy of the mount at `path` (open_tree(2) OPEN_TREE_CLONE): a bind mount that is not attached yet.
// With `recursive` the mounts below come along. An empty `path` with a `directory` means the directory itself.
Fd open_tree(const Fd& directory, const std::string& path, bool recursive);
Fd open_tree(const std::string& path, bool recursive);

// A mount of a new file system that is attached nowhere yet: fsopen(2), fsconfig(2), fsmount(2). `options` are names
// and values, `attributes` MOUNT_ATTR_*.
Fd new_mount(const std::string& type, const std::vector<std::pair<std::string, std::string>>& options,
             unsigned attributes);

// Attaches a detached mount at the place that `target` (opened O_PATH) stands for: no path is walked again,
// so nobody can change where it leads. `name` is what errors and the timeline call it.
void move_mount(const Fd& tree, const Fd& target, const std::string& name);

// Sets and clears mount attributes (MOUNT_ATTR_RDONLY, ...), with `recursive` on all mounts below as well:
// the only way in which a recursive bind mount becomes read-only as a whole.
void mount_setattr(const Fd& tree, std::uint64_t set, std::uint64_t clear, bool recursive);

// All that mount_setattr(2) can change.
struct MountAttributes {
  std::uint64_t set = 0, clear = 0;    // MOUNT_ATTR_*
  std::uint64_t propagation = 0;       // MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE; 0 leaves it
  const Fd* user_namespace = nullptr;  // the mount shows its files with this namespace's ids (MOUNT_ATTR_IDMAP)
};
void mount_setattr(const Fd& tree, const MountAttributes& attributes, bool recursive);

void pivot_root(const std::string& new_root, const std::string& put_old);
void chroot(const std::string& path);
void chdir(const std::string& path);
void fchdir(const Fd& directory);

// "/proc/self/fd/N": a descriptor as a path, for the calls that take nothing else.
std::string path_of(const Fd& fd);

}  // namespace coracle::kernel
