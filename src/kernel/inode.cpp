#include "kernel/inode.hpp"

#include <algorithm>
#include <climits>
#include <memory>

#include <dirent.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "kernel/mount.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {

std::optional<struct stat> fstatat(const Fd& directory, const std::string& name) {
  struct stat status {};
  const int flags = AT_SYMLINK_NOFOLLOW | (name.empty() ? AT_EMPTY_PATH : 0);
  if (note_call([&] { return ::fstatat(directory.get(), name.c_str(), &status, flags); }, "fstatat {}", name) == 0) {
    return status;
  }
  if (errno == ENOENT) return std::nullopt;
  throw Error("fstatat " + name, errno);
}

std::string readlinkat(const Fd& directory, const std::string& name) {
  char text[PATH_MAX];
  const ssize_t length =
      attempt([&] { return ::readlinkat(directory.get(), name.c_str(), text, sizeof text); }, "readlinkat {}", name);
  return {text, static_cast<std::size_t>(length)};
}

std::string real_path(const Fd& fd) { return readlinkat(Fd(), path_of(fd)); }

void linkat(const Fd& old_directory, const std::string& old_name, const Fd& directory, const std::string& name) {
  attempt([&] { return ::linkat(old_directory.get(), old_name.c_str(), directory.get(), name.c_str(), 0); },
          "linkat {} {}", old_name, name);
}

void fchown(const Fd& fd, uid_t uid, gid_t gid) {
  attempt([&] { return ::fchownat(fd.get(), "", uid, gid, AT_EMPTY_PATH); }, "fchownat {}:{}", uid, gid);
}

void fchmod(const Fd& fd, mode_t mode) {
  if (note_call([&] { return ::fchmod(fd.get(), mode); }, "fchmod {:o}", mode) == 0) return;
  // EBADF: opened O_PATH. The descriptor's link in /proc leads to the very file, whatever its name leads to by now.
  if (errno != EBADF) throw Error(fmt::format("fchmod {:o}", mode), errno);
  attempt([&] { return ::chmod(path_of(fd).c_str(), mode); }, "chmod {:o} fd {}", mode, fd.get());
}

void utimensat(const Fd& fd, const timespec& access, const timespec& modification) {
  const timespec times[2] = {access, modification};
  attempt([&] { return ::utimensat(fd.get(), "", times, AT_EMPTY_PATH); }, "utimensat {}", modification.tv_sec);
}

void setxattr(const Fd& fd, const std::string& name, std::string_view value) {
  attempt([&] { return ::setxattr(path_of(fd).c_str(), name.c_str(), value.data(), value.size(), 0); }, "setxattr {}",
          name);
}

void pwrite_all(const Fd& fd, std::string_view bytes, off_t offset) {
  while (!bytes.empty()) {
    const auto call = [&] { return ::pwrite(fd.get(), bytes.data(), bytes.size(), offset); };
    const ssize_t count = attempt(call, "pwrite {} bytes at {}", bytes.size(), offset);
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += count;
  }
}

void ftruncate(const Fd& fd, off_t size) {
  attempt([&] { return ::ftruncate(fd.get(), size); }, "ftruncate to {} bytes", size);
}

std::optional<std::string> getxattr(const Fd& fd, const std::string& name) {
  char value[256];
  const auto call = [&] {
    const ssize_t length = ::fgetxattr(fd.get(), name.c_str(), value, sizeof value);
    if (length >= 0 || errno != EBADF) return length;  // EBADF: opened O_PATH
    return ::getxattr(path_of(fd).c_str(), name.c_str(), value, sizeof value);
  };
  const ssize_t length = note_call(call, "getxattr {}", name);
  if (length >= 0) return std::string(value, static_cast<std::size_t>(length));
  if (errno == ENODATA || errno == EOPNOTSUPP) return std::nullopt;
  throw Error("getxattr " + name, errno);
}

std::vector<std::pair<std::string, std::string>> xattrs(const Fd& fd) {
  const std::string path = path_of(fd);
  char names[65536];  // XATTR_LIST_MAX
  const ssize_t length = note_call([&] { return ::listxattr(path.c_str(), names, sizeof names); }, "listxattr");
  if (length < 0 && errno != ENOTSUP) throw Error("listxattr", errno);
  std::vector<std::pair<std::string, std::string>> found;
  for (const char* name = names; name < names + length; name += std::string_view(name).size() + 1) {
    char value[65536];  // XATTR_SIZE_MAX
    const auto call = [&] { return ::getxattr(path.c_str(), name, value, sizeof value); };
    const ssize_t size = note_call(call, "getxattr {}", name);
    if (size < 0 && errno == ENODATA) continue;  // it has just been removed
    if (size < 0) throw Error(fmt::format("getxattr {}", name), errno);
    found.emplace_back(name, std::string(value, static_cast<std::size_t>(size)));
  }
  return found;
}

Fd find_regular_in_root(const Fd& root, const std::string& path) {
  const Fd file = find_in_root(root, path, O_PATH);
  if (!file || !S_ISREG(fstatat(file, "").value().st_mode)) return {};
  return open(path_of(file), O_RDONLY);
}

std::vector<std::string> list(const Fd& directory) {
  const int fd =
      attempt([&] { return ::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }, "openat .");
  const std::unique_ptr<DIR, decltype([](DIR* stream) { closedir(stream); })> stream(fdopendir(fd));
  if (!stream) throw Error("fdopendir", errno);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace coracle::kernel
