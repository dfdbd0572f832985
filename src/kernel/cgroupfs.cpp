#include "kernel/cgroupfs.hpp"

#include <charconv>
#include <memory>

#include <dirent.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "kernel/cgroup_backend.hpp"
#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

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

}  // namespace

std::unique_ptr<Cgroup> find_cgroup(const std::string& name) {
  const std::string mount = "/sys/fs/cgroup";
  return is_file_system(mount, CGROUP2_SUPER_MAGIC) ? make_cgroup_v2(mount, name) : make_cgroup_v1(name);
}

bool is_file_system(const std::string& path, long magic) {
  struct statfs info {};
  return statfs(path.c_str(), &info) == 0 && info.f_type == magic;
}

void make_group(const std::string& path) {
  if (note_call([&] { return mkdir(path.c_str(), 0755); }, "mkdir {}", path) == 0) return;
  const char* hint = "";
  if (errno == EEXIST) hint = "a container with this id is running";
  if (errno == EROFS) hint = "the cgroup file system is read-only here, as in most containers; see coracle doctor";
  throw Error("mkdir " + path, errno, hint);
}

bool remove_group(const std::string& path) {
  const auto remove = [&] { return note_call([&] { return rmdir(path.c_str()); }, "rmdir {}", path) == 0; };
  if (remove() || errno == ENOENT) return true;
  if (errno != EBUSY) throw Error("rmdir " + path, errno);
  bool removed_below = false;
  for (const std::string& group : groups_below(path)) {
    if (!remove_group(group)) return false;
    removed_below = true;
  }
  return removed_below && remove();
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
