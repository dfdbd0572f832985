// Where the trees of control groups are mounted, and where in them a process is: /proc/self/mountinfo and
// /proc/self/cgroup, in proc(5) and cgroups(7).
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace coracle::kernel {

// A tree is known by one of its controllers ("memory"), by its name ("name=systemd") or, version 2, as "cgroup2".
class CgroupTrees {
 public:
  // Whether /sys/fs/cgroup itself is version 2.
  static bool unified();

  // The mount point; "" when it is not mounted.
  std::string mount_of(const std::string& tree) const;

  // The controllers of each tree of version 1 ("cpu,cpuacct"), and "name=..." for those without.
  std::vector<std::string> version_1() const;

  // The directory of the group `path`: from the root of the tree when it begins with "/", else below the group that
  // this process is in. "" when the tree is not mounted.
  std::string directory_of(const std::string& tree, const std::string& path) const;

 private:
  const std::string& mountinfo() const;
  const std::string& own_groups() const;

  mutable std::optional<std::string> mountinfo_;
  mutable std::optional<std::string> own_groups_;
};

// The path with "//", "." and ".." taken out of it, none of which leads above its beginning. Throws Error for one
// that is empty then: that would be the root, or the caller's own group.
std::string clean_cgroup_path(const std::string& path);

}  // namespace coracle::kernel
