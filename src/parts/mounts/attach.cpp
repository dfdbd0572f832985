#include "parts/mounts/attach.hpp"

#include <algorithm>
#include <cstdlib>

#include <linux/mount.h>
#include <linux/sched.h>

#include "kernel/copy_tree.hpp"
#include "kernel/inode.hpp"
#include "kernel/mount.hpp"
#include "kernel/mountpoint.hpp"
#include "kernel/node.hpp"
#include "kernel/own_user_namespace.hpp"
#include "kernel/recorder.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;
using kernel::MountpointKind;

bool is_directory(const Fd& fd) {
  struct stat status {};
  kernel::attempt([&] { return fstat(fd.get(), &status); }, "fstat fd {}", fd.get());
  return S_ISDIR(status.st_mode);
}

// Files of /proc that may be covered: lxcfs shows a container its own numbers there. Everything else in /proc shows
// the kernel's answers only (open_mountpoint).
bool may_cover(const std::string& destination) {
  constexpr const char* kFiles[] = {"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo",  "/proc/stat",   "/proc/swaps",
                                    "/proc/uptime",  "/proc/loadavg",   "/proc/slabinfo", "/proc/net/dev"};
  return std::find(std::begin(kFiles), std::end(kFiles), destination) != std::end(kFiles);
}

// The directories that programs look for by exactly this name: they may not be elsewhere.
bool is_top(const std::string& destination) {
  return destination == "/proc" || destination == "/sys" || destination == "/dev";
}

Fd open_place(const Fd& root, const std::string& destination, MountpointKind kind) {
  if (is_top(destination) && kind == MountpointKind::directory)
    return kernel::open_top_directory(root, destination.substr(1));
  if (kind == MountpointKind::file && may_cover(destination))
    return kernel::open_in_root(root, destination, O_PATH, 0, RESOLVE_NO_SYMLINKS);
  return kernel::open_mountpoint(root, destination, kind);
}

// What the place had moves into the tmpfs that now hides it.
void copy_up(const Fd& hidden, const Fd& tmpfs) {
  constexpr const char* kCopy = ".tmpcopyup";
  kernel::copy_tree(hidden, tmpfs, kCopy);
  const Fd copy = kernel::openat(tmpfs, kCopy, O_RDONLY | O_DIRECTORY);
  for (const std::string& name : kernel::list(copy)) {
    kernel::attempt([&] { return renameat(copy.get(), name.c_str(), tmpfs.get(), name.c_str()); }, "renameat {}", name);
  }
  kernel::copy_attributes(copy, tmpfs);
  kernel::remove_tree(tmpfs, kCopy);
}

// A tmpfs over a directory of the root keeps the directory's mode unless told otherwise, as docker and runc have it.
std::string tmpfs_data(const MountFlags& flags, const Fd& root, const std::string& destination) {
  if (flags.data.find("mode=") != std::string::npos) return flags.data;
  const Fd hidden = kernel::find_in_root(root, destination, O_PATH | O_DIRECTORY);
  struct stat status {};
  if (!hidden || fstat(hidden.get(), &status) != 0) return flags.data;
  return fmt::format("mode={:o}{}{}", status.st_mode & 07777, flags.data.empty() ? "" : ",", flags.data);
}

constexpr std::uint64_t kLocks = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

// devpts gives its terminals to the group tty; where one id alone is mapped there is no such group (EINVAL).
std::string devpts_data(const std::string& data) {
  const std::size_t begin = data.find("gid=");
  if (begin == std::string::npos || kernel::in_first_user_namespace()) return data;
  const std::size_t end = std::min(data.find(',', begin), data.size());
  const auto gid = static_cast<gid_t>(std::strtoul(data.c_str() + begin + 4, nullptr, 10));
  if (kernel::gid_is_mapped(gid)) return data;
  return begin == 0 ? data.substr(std::min(end + 1, data.size())) : data.substr(0, begin - 1) + data.substr(end);
}

// A file system that shows a namespace can only be mounted by who owns that namespace; where it is the host's, a
// container with a user namespace of its own gets the host's mount of it.
const char* host_mount_of(const std::string& type, std::uint64_t own) {
  if (type == "sysfs" && (own & CLONE_NEWNET) == 0) return "/sys";
  if (type == "proc" && (own & CLONE_NEWPID) == 0) return "/proc";
  if (type == "mqueue" && (own & CLONE_NEWIPC) == 0) return "/dev/mqueue";
  return nullptr;
}

// False when the kernel says EPERM and the host's mount of the same type stands in for it.
bool mount_here(const Mount& mount, const Fd& target, unsigned long flags, const std::string& data, bool may_fail) {
  try {
    kernel::mount(mount.source.empty() ? mount.type : mount.source, target, mount.destination, mount.type, flags, data);
    return true;
  } catch (const Error& error) {
    if (may_fail && error.code() == EPERM) return false;
    throw;
  }
}

}  // namespace

void set_below(const Fd& mount, const MountFlags& flags) {
  if (flags.set_below + flags.clear_below != 0) kernel::mount_setattr(mount, flags.set_below, flags.clear_below, true);
  for (const auto& [type, recursive] : flags.propagation)
    kernel::mount_setattr(mount, {.propagation = type}, recursive);
}

Fd open_own_mount(const Fd& root, const std::string& destination) {
  Fd mount = is_top(destination) ? kernel::open_top_directory(root, destination.substr(1))
                                 : kernel::open_in_root(root, destination, O_PATH);
  if (kernel::is_mount_root(mount)) return mount;
  throw Error("open " + destination, EAGAIN, "somebody replaced it while it was mounted");
}

Fd take_bind(const Mount& mount, const MountFlags& flags) {
  Fd tree = kernel::open_tree(kernel::open(mount.source, O_PATH), "", flags.recursive);
  kernel::MountAttributes attributes{.set = flags.set, .clear = flags.clear};
  Fd user_namespace;
  if (flags.idmap) {
    user_namespace = kernel::make_user_namespace(mount.uid_mappings, mount.gid_mappings);
    kernel::mount_setattr(tree, {.user_namespace = &user_namespace}, flags.idmap_recursive);
  }
  if (attributes.set + attributes.clear != 0) kernel::mount_setattr(tree, attributes, false);
  return tree;
}

void attach_bind(const Mount& mount, const MountFlags& flags, const Fd& tree, const MountPlace& place) {
  const bool directory = is_directory(tree);
  const Fd target =
      open_place(place.root, mount.destination, directory ? MountpointKind::directory : MountpointKind::file);
  if (is_directory(target) != directory) {
    throw Error(fmt::format("mount {} on {}", mount.source, mount.destination), directory ? ENOTDIR : EISDIR,
                "a directory goes on a directory and a file on a file");
  }
  kernel::move_mount(tree, target, mount.destination);
  set_below(tree, flags);
}

void attach_file_system(const Mount& mount, const MountFlags& flags, const MountPlace& place) {
  const bool is_tmpfs = mount.type == "tmpfs";
  const std::string data = is_tmpfs                 ? tmpfs_data(flags, place.root, mount.destination)
                           : mount.type == "devpts" ? devpts_data(flags.data)
                                                    : flags.data;
  const Fd target = open_place(place.root, mount.destination, MountpointKind::directory);
  const bool sealed = is_tmpfs && (flags.flags & MS_RDONLY) != 0;  // mount points are made in it until then
  const unsigned long now =
      (flags.flags & ~(sealed ? 0UL + MS_RDONLY : 0UL)) | (flags.remount ? 0UL + MS_REMOUNT : 0UL);
  const char* host_mount = host_mount_of(mount.type, place.clone_flags);
  if (!mount_here(mount, target, now, data, host_mount != nullptr)) {
    Mount bound = mount;
    bound.source = host_mount;
    MountFlags as_bind = flags;
    as_bind.recursive = true;
    // With all that is mounted in it: the cgroups in the host's /sys are not to be written to (CVE-2023-25809).
    as_bind.set_below |= flags.set & kLocks;
    return attach_bind(bound, as_bind, take_bind(bound, as_bind), place);
  }
  const bool more = !flags.propagation.empty() || flags.set_below + flags.clear_below != 0;
  if (!sealed && !flags.copy_up && !more) return;
  Fd top = open_own_mount(place.root, mount.destination);
  if (flags.copy_up) copy_up(target, top);
  set_below(top, flags);
  if (sealed) place.sealed.push_back(std::move(top));
}

}  // namespace coracle::parts
