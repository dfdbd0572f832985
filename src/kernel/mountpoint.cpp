#include "kernel/mountpoint.hpp"

#include <climits>
#include <vector>

#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel/node.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

constexpr int kMostLinks = 40;    // as many as the kernel follows (path_resolution(7))
constexpr int kMostTries = 1000;  // against somebody who makes and removes the same name in a loop

bool has_type(const Fd& fd, mode_t type) {
  struct stat status {};
  attempt([&] { return fstat(fd.get(), &status); }, "fstat fd {}", fd.get());
  return (status.st_mode & S_IFMT) == type;
}

// The names of a path, put in reverse order at the end of `names`: the next one to walk is the last.
void push_names(std::vector<std::string>& names, const std::string& path) {
  std::size_t end = path.size();
  while (end > 0) {
    const std::size_t slash = path.rfind('/', end - 1);
    const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
    if (end > begin) names.push_back(path.substr(begin, end - begin));
    end = slash == std::string::npos ? 0 : slash;
  }
}

std::string read_link(const Fd& link) {
  std::string text(PATH_MAX, '\0');
  const auto call = [&] { return ::readlinkat(link.get(), "", text.data(), text.size()); };
  text.resize(static_cast<std::size_t>(attempt(call, "readlinkat in the root")));
  return text;
}

// Opens `name` itself, made first when it is missing.
Fd open_or_make(const Fd& directory, const std::string& name, MountpointKind kind) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    const int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    const int fd = note_call([&] { return ::openat(directory.get(), name.c_str(), flags); }, "openat {}", name);
    if (fd >= 0) return Fd(fd);
    if (errno != ENOENT) throw Error("openat " + name + " in the root", errno);
    const auto make = [&] {
      return kind == MountpointKind::directory ? ::mkdirat(directory.get(), name.c_str(), 0755)
                                               : ::mknodat(directory.get(), name.c_str(), S_IFREG | 0644, 0);
    };
    if (note_call(make, "make {}", name) < 0 && errno != EEXIST) {
      throw Error("make the missing mount point " + name + " in the root", errno,
                  errno == EROFS ? "it is read-only; make this mount point beforehand" : "");
    }
  }
  throw Error("make the missing mount point " + name + " in the root", ELOOP, "somebody keeps removing it");
}

// Walks the path name by name. Each name is opened below the descriptor before it and never followed by the
// kernel; the text of a link is walked from where the root begins. So there is no way out.
Fd walk(const Fd& root, const std::string& path, MountpointKind kind) {
  std::vector<std::string> names;
  push_names(names, path);
  std::vector<Fd> way;
  way.push_back(open_in_root(root, ".", O_PATH | O_DIRECTORY));
  int links = 0;
  while (!names.empty()) {
    const std::string name = std::move(names.back());
    names.pop_back();
    if (name == ".") continue;
    if (name == "..") {
      if (way.size() > 1) way.pop_back();
      continue;
    }
    Fd next = open_or_make(way.back(), name, names.empty() ? kind : MountpointKind::directory);
    if (!has_type(next, S_IFLNK)) {
      way.push_back(std::move(next));
      continue;
    }
    if (++links > kMostLinks) throw Error("follow the links of " + path + " in the root", ELOOP);
    const std::string text = read_link(next);
    if (text.front() == '/') way.resize(1);
    push_names(names, text);
  }
  return std::move(way.back());
}

Fd find_or_make(const Fd& root, const std::string& path, MountpointKind kind) {
  Fd place = find_in_root(root, path, O_PATH);
  return place ? std::move(place) : walk(root, path, kind);
}

struct statx identity(const Fd& fd) {
  struct statx status {};
  attempt([&] { return ::statx(fd.get(), "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &status); }, "statx fd {}",
          fd.get());
  return status;
}

void refuse_root_itself(const Fd& root, const Fd& place, const std::string& path) {
  const struct statx a = identity(root);
  const struct statx b = identity(place);
  if (a.stx_ino == b.stx_ino && a.stx_mnt_id == b.stx_mnt_id) {
    throw Error("mount on " + path, EBUSY, "in this root file system it leads to / itself");
  }
}

}  // namespace

// What hides a part of /proc lets a program show false processes and labels: CVE-2019-16884, CVE-2023-28642.
void refuse_proc(const Fd& place, const std::string& path) {
  struct statfs status {};
  attempt([&] { return fstatfs(place.get(), &status); }, "fstatfs {}", path);
  if (status.f_type == PROC_SUPER_MAGIC) {
    throw Error("mount on " + path, EPERM, "it leads into /proc, which shows the kernel's own answers only");
  }
}

Fd open_mountpoint(const Fd& root, const std::string& path, MountpointKind kind) {
  Fd place = find_or_make(root, path, kind);
  refuse_root_itself(root, place, path);
  refuse_proc(place, path);
  return place;
}

Fd open_top_directory(const Fd& root, const std::string& name) {
  const auto find = [&] { return find_in_root(root, name, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS); };
  try {
    Fd directory = find();
    if (directory) return directory;
    mkdirat(root, name, 0755);
    directory = find();
    if (!directory) throw Error("openat2 " + name + " in the root", ENOENT);
    return directory;
  } catch (Error& error) {
    if (error.code() == ELOOP) error.with_hint("it is a symbolic link; a root file system has a directory there");
    if (error.code() == ENOTDIR) error.with_hint("it is a file; a root file system has a directory there");
    if (error.code() == EROFS) error.with_hint("the root file system is read-only and lacks this directory");
    throw;
  }
}

bool is_mount_root(const Fd& fd) { return (identity(fd).stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0; }

}  // namespace coracle::kernel
