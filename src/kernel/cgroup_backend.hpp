// What the two backends of cgroupfs.hpp share. For them alone.
#pragma once

#include <algorithm>
#include <functional>
#include <string_view>

#include "kernel/cgroupfs.hpp"
#include "kernel/error.hpp"

namespace coracle::kernel {

// The directory of a group in one tree.
struct GroupDirectory {
  std::string tree;       // as CgroupTrees has it
  std::string path;       // absolute
  std::size_t stood = 0;  // of a new one: so many characters of it are there already, at most those of its parent
};

// The directory `path`, with `stood` found out.
GroupDirectory plan_group(std::string tree, std::string path);

// A group in the tree of version 2.
std::unique_ptr<Cgroup> make_cgroup_v2(GroupDirectory directory, std::vector<std::string> controllers, bool every);
std::unique_ptr<Cgroup> make_cgroup_v1(std::unique_ptr<Cgroup> unified, std::vector<GroupDirectory> directories);

// The trees of version 1 for these controllers; a hybrid host's version 2 first.
std::unique_ptr<Cgroup> place_in_version_1(const std::string& path, const std::vector<std::string>& controllers,
                                           bool every);

// Whether a file system of this type (a magic number of statfs(2)) is mounted at `path`.
bool is_file_system(const std::string& path, long magic);

// The directory itself, or of those above it the first that is there. Of a new group.
std::string nearest_group(const GroupDirectory& group);

// The Error for a group whose processes would stand still.
Error frozen_group(const std::string& path);

// Whether this user may make the directory.
bool may_make(const GroupDirectory& group);

// mkdir of the group's directory and the missing ones above it; `made` is called with each new one. A group that is
// there already is taken when nothing runs in it, else an Error.
void make_group(const GroupDirectory& group, const std::function<void(const std::string&)>& made = {});

// rmdir of the group's directory, of those below it and of the empty ones above it that make_group() made. False when
// there are processes in one of them.
bool remove_group(const GroupDirectory& group);

// The directories of the groups directly below the one in this directory.
std::vector<std::string> groups_below(const std::string& path);

// The processes of the group in this directory and of those below it.
std::vector<pid_t> pids_below(const std::string& path);

// Something in a group takes longer than any program can have a reason for: 10 s.
constexpr int kPatienceMs = 10'000;

// The Error for a controller that the host has not got or has not mounted.
Error missing_controller(const std::string& controller, const std::string& where);

// Gives every part of a text to `use`.
template <typename Use>
void for_each_part(std::string_view text, char separator, Use use) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    use(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace coracle::kernel
