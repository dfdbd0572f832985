#include "kernel/cgroupfs.hpp"

#include <charconv>
#include <memory>

#include <dirent.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "kernel/cgroup_backend.hpp"
#include "kernel/cgroup_trees.hpp"
#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {

std::vector<std::string> groups_below(const std::string& path) {
  using Directory = std::unique_ptr<DIR, decltype([](DIR* directory) { closedir(directory); })>;
  std::vector<std::string> groups;
  const Directory directory(opendir(path.c_str()));
  if (!directory) return groups;
  while (const dirent* entry = readdir(directory.get())) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') groups.push_back(path + "/" + entry->d_name);
  }
  return groups;
}

namespace {

int make_directory(const std::string& path) {
  return note_call([&] { return mkdir(path.c_str(), 0755); }, "mkdir {}", path);
}

[[noreturn]] void refuse_group(const std::string& path, int error) {
  const char* hint = "";
  if (error == EEXIST) hint = "there are processes in this group: a container with this id or cgroup path is running";
  if (error == EROFS) hint = "the cgroup file system is read-only here, as in most containers; see coracle doctor";
  throw Error("mkdir " + path, error, hint);
}

// rmdir of a directory and those below it. False when there are processes in one of them.
bool remove_tree_of_groups(const std::string& path) {
  const auto remove = [&] { return note_call([&] { return rmdir(path.c_str()); }, "rmdir {}", path) == 0; };
  if (remove() || errno == ENOENT) return true;
  if (errno != EBUSY) throw Error("rmdir " + path, errno);
  bool removed_below = false;
  for (const std::string& group : groups_below(path)) {
    if (!remove_tree_of_groups(group)) return false;
    removed_below = true;
  }
  return removed_below && remove();
}

// A group that we make only to have a place for another is marked as such, for whoever is the last to leave it.
constexpr const char* kMark = "user.coracle.made-for-a-group-below";

void mark(const std::string& path) {
  note_call([&] { return setxattr(path.c_str(), kMark, "", 0, 0); }, "setxattr {} {}", path, kMark);
}

bool is_marked(const std::string& path) { return getxattr(path.c_str(), kMark, nullptr, 0) >= 0; }

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

std::unique_ptr<Cgroup> place_cgroup(const std::string& path, const std::vector<std::string>& controllers, bool every) {
  const std::string clean = clean_cgroup_path(path);
  if (!CgroupTrees::unified()) return place_in_version_1(clean, controllers, every);
  return make_cgroup_v2(plan_group("cgroup2", CgroupTrees().directory_of("cgroup2", clean)), controllers, every);
}

// A line is "TREE PATH".
std::unique_ptr<Cgroup> find_cgroup(const std::string& note) {
  std::vector<GroupDirectory> directories;
  std::unique_ptr<Cgroup> unified;
  for_each_part(note, '\n', [&](std::string_view line) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) throw Error(fmt::format("read the note \"{}\" of a cgroup", line), 0);
    GroupDirectory group{std::string(line.substr(0, space)), std::string(line.substr(space + 1))};
    if (group.tree == "cgroup2") {
      unified = make_cgroup_v2(std::move(group), {}, false);
    } else {
      directories.push_back(std::move(group));
    }
  });
  if (unified && directories.empty() && CgroupTrees::unified()) return unified;
  return make_cgroup_v1(std::move(unified), std::move(directories));
}

bool is_file_system(const std::string& path, long magic) {
  struct statfs info {};
  return statfs(path.c_str(), &info) == 0 && info.f_type == magic;
}

GroupDirectory plan_group(std::string tree, std::string path) {
  std::string above = parent_of(path);
  while (!above.empty() && !exists(above)) above = parent_of(above);
  return {std::move(tree), std::move(path), above.size()};
}

std::string nearest_group(const GroupDirectory& group) {
  return exists(group.path) ? group.path : group.path.substr(0, group.stood);
}

Error frozen_group(const std::string& path) {
  return {"use the cgroup " + path, EBUSY,
          "container's cgroup unexpectedly frozen: thaw it, or choose another linux.cgroupsPath"};
}

bool may_make(const GroupDirectory& group) {
  return faccessat(AT_FDCWD, group.path.substr(0, group.stood).c_str(), W_OK, AT_EACCESS) == 0;
}

// Another container's end may take a group above ours away, in which it was alone, before we are in it: then again.
void make_group(const GroupDirectory& group, const std::function<void(const std::string&)>& made) {
  int rounds = 10;
  for (std::size_t end = group.stood; end != std::string::npos;) {
    end = group.path.find('/', end + 1);
    const std::string path = group.path.substr(0, end);
    const bool is_it = end == std::string::npos;
    if (make_directory(path) == 0) {
      if (!is_it) mark(path);
      if (made) made(path);
    } else if (errno == ENOENT && --rounds > 0) {
      end = group.path.find('/', 1);  // from the top; what is there is passed over
    } else if (errno != EEXIST || (is_it && !pids_below(path).empty())) {
      refuse_group(path, errno);
    }
  }
}

bool remove_group(const GroupDirectory& group) {
  if (!remove_tree_of_groups(group.path)) return false;
  for (std::string above = parent_of(group.path); is_marked(above); above = parent_of(above)) {
    if (note_call([&] { return rmdir(above.c_str()); }, "rmdir {}", above) != 0) break;  // others are in it
  }
  return true;
}

std::vector<pid_t> pids_below(const std::string& path) {
  std::vector<pid_t> pids;
  try {
    const std::string listed = read_file(path + "/cgroup.procs", 16U << 20U);
    for_each_part(listed, '\n', [&](std::string_view line) {
      std::from_chars(line.data(), line.data() + line.size(), pids.emplace_back());
    });
  } catch (const Error& error) {
    // It is gone; or it holds threads of processes that are listed in a group above (cgroups(7), "threaded").
    if (error.code() != ENOENT && error.code() != ENODEV && error.code() != EOPNOTSUPP) throw;
  }
  for (const std::string& group : groups_below(path)) {
    for (const pid_t pid : pids_below(group)) pids.push_back(pid);
  }
  return pids;
}

std::uint64_t read_counter(const std::string& file, std::string_view key) {
  if (!exists(file)) return 0;
  const std::string text = "\n" + read_file(file);
  const std::string before = key.empty() ? "\n" : fmt::format("\n{} ", key);
  const std::size_t found = text.find(before);
  std::uint64_t number = 0;
  if (found != std::string::npos) {
    std::from_chars(text.data() + found + before.size(), text.data() + text.size(), number);
  }
  return number;
}

Error missing_controller(const std::string& controller, const std::string& where) {
  return {fmt::format("use the cgroup controller {}: it is not {}", controller, where), 0,
          "leave out the limit that needs it, or see coracle doctor for what mends it"};
}

}  // namespace coracle::kernel
