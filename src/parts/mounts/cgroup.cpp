// /sys/fs/cgroup in a container; cgroups(7), cgroup_namespaces(7).
#include <algorithm>
#include <sstream>
#include <string_view>

#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sys/vfs.h>

#include "kernel/mount.hpp"
#include "kernel/node.hpp"
#include "kernel/recorder.hpp"
#include "parts/mounts/attach.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

// A hierarchy of version 1, as the host has it mounted.
struct Hierarchy {
  std::string root;         // the group that its mount point shows
  std::string mount_point;  // /sys/fs/cgroup/cpu,cpuacct
  std::string name;         // cpu,cpuacct
  std::string data;         // what mount(2) takes for it: "cpu,cpuacct", "name=systemd"
};

// A line is "ID PARENT DEVICE ROOT MOUNTPOINT OPTIONS ... - TYPE SOURCE SUPER_OPTIONS" (proc(5)).
std::vector<Hierarchy> find_hierarchies() {
  std::vector<Hierarchy> found;
  std::istringstream lines(kernel::read_file("/proc/self/mountinfo", 16U << 20U));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t type = line.find(" - cgroup ");
    if (type == std::string::npos) continue;
    std::istringstream words(line);
    Hierarchy hierarchy;
    std::string skipped;
    words >> skipped >> skipped >> skipped >> hierarchy.root >> hierarchy.mount_point;
    hierarchy.name = hierarchy.mount_point.substr(hierarchy.mount_point.rfind('/') + 1);
    const std::string options = line.substr(line.rfind(' ') + 1);
    hierarchy.data = options.substr(options.find(',') + 1);  // behind "rw,"
    const auto same = [&](const Hierarchy& other) { return other.data == hierarchy.data; };
    if (std::none_of(found.begin(), found.end(), same)) found.push_back(std::move(hierarchy));
  }
  return found;
}

// The group of this process in the hierarchy; a line is "NUMBER:CONTROLLERS:PATH" (cgroups(7)).
std::string own_group(const Hierarchy& hierarchy, const std::string& table) {
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (line.substr(first + 1, second - first - 1) == hierarchy.data) return line.substr(second + 1);
  }
  return hierarchy.root;
}

// The directory of the host that is this process's group.
std::string directory_of(const Hierarchy& hierarchy, const std::string& table) {
  std::string group = own_group(hierarchy, table);
  if (hierarchy.root != "/" && group.rfind(hierarchy.root, 0) == 0) group.erase(0, hierarchy.root.size());
  return hierarchy.mount_point + (group == "/" ? "" : group);
}

bool is_version_2() {
  struct statfs status {};
  return statfs("/sys/fs/cgroup", &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

void attach_version_2(const Mount& mount, const MountFlags& flags, const MountPlace& place) {
  Mount whole = mount;
  whole.type = "cgroup2";
  whole.source = "cgroup";
  try {
    return attach_file_system(whole, flags, place);
  } catch (const Error& error) {
    if (error.code() != EPERM && error.code() != EBUSY) throw;
  }
  // Only who owns the cgroup namespace mounts it anew.
  whole.source = "/sys/fs/cgroup";
  MountFlags as_bind = flags;
  as_bind.recursive = true;
  attach_bind(whole, as_bind, take_bind(whole, as_bind), place);
}

// In a cgroup namespace of our own the mount itself begins at our group; without one our group's directory is bound.
// `top` is the tmpfs above all hierarchies, which nobody else can reach.
void attach_hierarchy(const Hierarchy& hierarchy, const Mount& mount, const MountFlags& flags, const MountPlace& place,
                      const std::string& groups, const Fd& top) {
  const std::string destination = mount.destination + "/" + hierarchy.name;
  kernel::mkdirat(top, hierarchy.name, 0755);
  const Fd target = kernel::openat(top, hierarchy.name, O_PATH | O_DIRECTORY);
  if ((place.clone_flags & CLONE_NEWCGROUP) != 0) {
    kernel::mount("cgroup", target, destination, "cgroup", flags.flags, hierarchy.data);
    set_below(kernel::openat(top, hierarchy.name, O_PATH | O_DIRECTORY), flags);
    return;
  }
  Mount bound = mount;
  bound.source = directory_of(hierarchy, groups);
  const Fd tree = take_bind(bound, flags);
  kernel::move_mount(tree, target, destination);
  set_below(tree, flags);
}

}  // namespace

void attach_cgroup(const Mount& mount, const MountFlags& flags, const MountPlace& place) {
  if (is_version_2()) return attach_version_2(mount, flags, place);
  Mount top = mount;
  top.type = top.source = "tmpfs";
  MountFlags top_flags = flags;
  top_flags.flags |= MS_NOSUID | MS_NOEXEC | MS_NODEV;
  top_flags.data = "mode=755";
  attach_file_system(top, top_flags, place);
  const std::string groups = kernel::read_file("/proc/self/cgroup");
  const std::vector<Hierarchy> hierarchies = find_hierarchies();
  const Fd directory = open_own_mount(place.root, mount.destination);
  for (const Hierarchy& hierarchy : hierarchies) attach_hierarchy(hierarchy, mount, flags, place, groups, directory);
  // Programs look for "cpu" where the host has "cpu,cpuacct".
  for (const Hierarchy& hierarchy : hierarchies) {
    if (hierarchy.name.find(',') == std::string::npos) continue;
    std::istringstream names(hierarchy.name);
    for (std::string name; std::getline(names, name, ',');) kernel::symlinkat(hierarchy.name, directory, name);
  }
}

}  // namespace coracle::parts
