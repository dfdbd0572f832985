#include "kernel/cgroup_trees.hpp"

#include <algorithm>
#include <string_view>

#include <linux/magic.h>

#include "kernel/cgroup_backend.hpp"
#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

constexpr const char* kMounts = "/sys/fs/cgroup";
constexpr const char* kNamed = "name=";

bool is_listed(std::string_view list, const std::string& word) {
  bool found = false;
  for_each_part(list, ',', [&](std::string_view entry) { found = found || entry == word; });
  return found;
}

std::string_view field(std::string_view line, char separator, int number) {
  for (; number > 0; --number) line.remove_prefix(std::min(line.find(separator), line.size() - 1) + 1);
  return line.substr(0, line.find(separator));
}

struct MountedTree {
  std::string root;  // the group that the mount point shows
  std::string point;
};

// A line is "ID PARENT DEVICE ROOT MOUNTPOINT OPTIONS ... - TYPE SOURCE CONTROLLERS" (proc(5)).
std::optional<MountedTree> find_mount(const std::string& mountinfo, const std::string& tree) {
  std::optional<MountedTree> found;
  for_each_part(mountinfo, '\n', [&](std::string_view line) {
    const std::size_t type = line.find(" - cgroup");
    if (type == std::string_view::npos || found) return;
    std::string_view words = line.substr(type + 3);
    const bool fits = tree == "cgroup2" ? field(words, ' ', 0) == tree : is_listed(field(words, ' ', 2), tree);
    if (fits) found = {std::string(field(line, ' ', 3)), std::string(field(line, ' ', 4))};
  });
  return found;
}

// The path in /proc/self/cgroup, whose lines are "NUMBER:CONTROLLERS:PATH"; version 2 has no controllers there.
std::string group_in(const std::string& own_groups, const std::string& tree) {
  std::string group;
  for_each_part(own_groups, '\n', [&](std::string_view line) {
    const std::string_view controllers = field(line, ':', 1);
    const bool fits = tree == "cgroup2" ? controllers.empty() : is_listed(controllers, tree);
    if (fits) group = line.substr(line.find(':', line.find(':') + 1) + 1);
  });
  return group;
}

}  // namespace

bool CgroupTrees::unified() { return is_file_system(kMounts, CGROUP2_SUPER_MAGIC); }

// The customary place first, since a host with many mounts has a long mountinfo.
std::string CgroupTrees::mount_of(const std::string& tree) const {
  if (tree == "cgroup2") {
    if (unified()) return kMounts;
    const std::string hybrid = std::string(kMounts) + "/unified";
    if (is_file_system(hybrid, CGROUP2_SUPER_MAGIC)) return hybrid;
  } else {
    const std::string name = tree.starts_with(kNamed) ? tree.substr(std::string_view(kNamed).size()) : tree;
    const std::string customary = std::string(kMounts) + "/" + name;
    if (is_file_system(customary, CGROUP_SUPER_MAGIC)) return customary;
  }
  const auto mounted = find_mount(mountinfo(), tree);
  return mounted ? mounted->point : "";
}

std::vector<std::string> CgroupTrees::version_1() const {
  std::vector<std::string> trees;
  for_each_part(own_groups(), '\n', [&](std::string_view line) {
    if (const std::string_view controllers = field(line, ':', 1); !controllers.empty()) trees.emplace_back(controllers);
  });
  return trees;
}

// A mount in a container shows the tree from the container's group on, which is then the root in mountinfo, while
// /proc/self/cgroup may count from further up.
std::string CgroupTrees::directory_of(const std::string& tree, const std::string& path) const {
  const std::string one = tree.substr(0, tree.find(','));
  if (path.starts_with('/')) {
    const std::string mount = mount_of(one);
    return mount.empty() ? "" : mount + path;
  }
  const auto mounted = find_mount(mountinfo(), one);
  if (!mounted) return "";
  std::string own = group_in(own_groups(), one);
  if (mounted->root != "/" && own.starts_with(mounted->root)) own.erase(0, mounted->root.size());
  // In version 2 a group with processes, as our own, cannot hand out controllers; the one above it can.
  if (tree == "cgroup2" && unified()) own.erase(own.rfind('/') == std::string::npos ? 0 : own.rfind('/'));
  if (own == "/") own.clear();
  return mounted->point + own + "/" + path;
}

const std::string& CgroupTrees::mountinfo() const {
  if (!mountinfo_) mountinfo_ = read_file("/proc/self/mountinfo", 16U << 20U);
  return *mountinfo_;
}

const std::string& CgroupTrees::own_groups() const {
  if (!own_groups_) own_groups_ = read_file("/proc/self/cgroup");
  return *own_groups_;
}

std::string clean_cgroup_path(const std::string& path) {
  const auto refuse = [&](const char* why) { throw Error(fmt::format("use the cgroup path \"{}\"", path), 0, why); };
  if (path.find_first_of(std::string_view("\n\0", 2)) != std::string::npos)
    refuse("it has a byte that no path may have");
  std::vector<std::string_view> names;
  for_each_part(path, '/', [&](std::string_view name) {
    if (name == "..") {
      if (!names.empty()) names.pop_back();
    } else if (!name.empty() && name != ".") {
      names.push_back(name);
    }
  });
  if (names.empty()) refuse("it has to name a group below the root");
  std::string clean;
  for (const std::string_view name : names)
    clean += (clean.empty() && !path.starts_with('/') ? "" : "/") + std::string(name);
  return clean;
}

}  // namespace coracle::kernel
