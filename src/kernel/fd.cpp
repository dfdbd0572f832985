#include "kernel/fd.hpp"

#include <algorithm>
#include <memory>

#include <dirent.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/recorder.hpp"

namespace coracle::kernel {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    close();
    number_ = other.release();
  }
  return *this;
}

void Fd::close() noexcept {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

Fd open(const std::string& path, int flags, mode_t mode) {
  return Fd(attempt([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); }, "open {}", path));
}

Fd openat(const Fd& directory, const std::string& path, int flags, mode_t mode) {
  return Fd(
      attempt([&] { return ::openat(directory.get(), path.c_str(), flags | O_CLOEXEC, mode); }, "openat {}", path));
}

Fd find_in_root(const Fd& root, const std::string& path, int flags, std::uint64_t resolve, mode_t mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve;
  const auto call = [&] {
    long result = -1;
    // EAGAIN: somebody renamed a directory during the walk (openat2(2)); the walk is repeated a bounded number of
    // times.
    for (int tries = 0; tries < 128; ++tries) {
      result = syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how);
      if (result >= 0 || errno != EAGAIN) break;
    }
    return static_cast<int>(result);
  };
  Fd fd(note_call(call, "openat2 {} in the root", path));
  if (!fd && errno != ENOENT) throw Error(fmt::format("openat2 {} in the root", path), errno);
  return fd;
}

Fd open_in_root(const Fd& root, const std::string& path, int flags, mode_t mode, std::uint64_t resolve) {
  Fd fd = find_in_root(root, path, flags, resolve, mode);
  if (!fd) throw Error(fmt::format("openat2 {} in the root", path), ENOENT);
  return fd;
}

Fd make_directories_in_root(const Fd& root, const std::string& path) {
  std::string done = ".";
  Fd directory = open_in_root(root, done, O_PATH | O_DIRECTORY);
  std::size_t begin = 0;
  while (begin < path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    begin = end + 1;
    if (name.empty() || name == ".") continue;
    if (name != ".." &&
        note_call([&] { return mkdirat(directory.get(), name.c_str(), 0755); }, "mkdirat {}", name) < 0 &&
        errno != EEXIST) {
      throw Error(fmt::format("mkdirat {}/{} in the root", done, name), errno);
    }
    done += "/" + name;
    directory = open_in_root(root, done, O_PATH | O_DIRECTORY);
  }
  return directory;
}

void make_directories(const std::string& path, mode_t mode) {
  if (note_call([&] { return mkdir(path.c_str(), mode); }, "mkdir {}", path) == 0 || errno == EEXIST) return;
  if (errno != ENOENT) throw Error("mkdir " + path, errno);
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos || slash == 0) throw Error("mkdir " + path, ENOENT);
  make_directories(path.substr(0, slash), mode);
  if (note_call([&] { return mkdir(path.c_str(), mode); }, "mkdir {}", path) != 0 && errno != EEXIST)
    throw Error("mkdir " + path, errno);  // once: below /proc it says ENOENT for ever
}

std::string read_all(const Fd& fd, std::size_t limit) {
  std::string text;
  char buffer[16384];
  while (true) {
    const ssize_t count = attempt([&] { return ::read(fd.get(), buffer, sizeof buffer); }, "read fd {}", fd.get());
    if (count == 0) return text;
    if (text.size() + static_cast<std::size_t>(count) > limit)
      throw Error(fmt::format("read a file of more than {} bytes", limit), EFBIG);
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

std::string read_file(const std::string& path, std::size_t limit) { return read_all(open(path, O_RDONLY), limit); }

void write_file(const std::string& path, std::string_view text) {
  const Fd fd = open(path, O_WRONLY);
  attempt([&] { return ::write(fd.get(), text.data(), text.size()); }, "write \"{}\" to {}", text, path);
}

void create_file(const std::string& path, std::string_view text, mode_t mode) {
  write_all(open(path, O_WRONLY | O_CREAT | O_TRUNC, mode), text);
}

void replace_file(const std::string& path, std::string_view text, mode_t mode) {
  const std::size_t name = path.rfind('/') + 1;  // 0 without a slash
  const std::string fresh = fmt::format("{}.{}.{}", path.substr(0, name), path.substr(name), getpid());
  create_file(fresh, text, mode);
  attempt([&] { return ::rename(fresh.c_str(), path.c_str()); }, "rename {} {}", fresh, path);
}

void write_all(const Fd& fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = attempt([&] { return ::write(fd.get(), bytes.data(), bytes.size()); },
                                  "write {} bytes to fd {}", bytes.size(), fd.get());
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

bool lock(const Fd& fd, int operation) {
  int result = -1;
  do {
    result = note_call([&] { return ::flock(fd.get(), operation); }, "flock fd {}", fd.get());
  } while (result < 0 && errno == EINTR);
  if (result == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  throw Error(fmt::format("flock fd {}", fd.get()), errno);
}

namespace {

using Directory = std::unique_ptr<DIR, decltype([](DIR* directory) { closedir(directory); })>;

// How deep remove_tree goes before it lifts what lies below to the top: hostile trees nest without end.
constexpr int kDeepest = 64;

void remove_entries(const Fd& top, int directory, int depth, unsigned& lifted);

// Somebody else may be removing the same tree: what is gone meanwhile is as it should be.
template <typename Remove>
void unless_gone(const Remove& remove) {
  try {
    remove();
  } catch (const Error& error) {
    if (error.code() != ENOENT) throw;
  }
}

[[noreturn]] void refuse_mounted(const char* name) {
  throw Error(fmt::format("remove {}", name), EBUSY, "something is mounted there");
}

// What is mounted in the tree is somebody else's: a volume, the disk of the host. It is not entered.
Fd open_on_this_mount(int parent, const char* name) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_NO_XDEV;
  const auto call = [&] { return static_cast<int>(syscall(SYS_openat2, parent, name, &how, sizeof how)); };
  Fd directory(note_call(call, "openat2 {}", name));
  if (directory) return directory;
  if (errno == EXDEV) refuse_mounted(name);
  throw Error(fmt::format("openat2 {}", name), errno);
}

bool is_mounted(const Fd& directory) {
  struct statx status {};
  attempt([&] { return ::statx(directory.get(), "", AT_EMPTY_PATH, 0, &status); }, "statx");
  return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

void remove_directory(const Fd& top, int parent, const char* name, int depth, unsigned& lifted) {
  if (depth == kDeepest) {
    const std::string elsewhere = fmt::format(".lifted-{}", lifted++);
    attempt([&] { return renameat(parent, name, top.get(), elsewhere.c_str()); }, "renameat {}", name);
    return;
  }
  {
    const Fd child = open_on_this_mount(parent, name);
    remove_entries(top, child.get(), depth + 1, lifted);
  }
  attempt([&] { return unlinkat(parent, name, AT_REMOVEDIR); }, "unlinkat {}", name);
}

void remove_entry(const Fd& top, int parent, const char* name, int depth, unsigned& lifted) {
  if (note_call([&] { return unlinkat(parent, name, 0); }, "unlinkat {}", name) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM) throw Error(fmt::format("unlinkat {}", name), errno);
  unless_gone([&] { remove_directory(top, parent, name, depth, lifted); });
}

void remove_entries(const Fd& top, int directory, int depth, unsigned& lifted) {
  const Directory stream(
      fdopendir(attempt([&] { return ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }, "openat .")));
  if (!stream) throw Error("fdopendir", errno);
  while (const dirent* entry = readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") remove_entry(top, directory, entry->d_name, depth, lifted);
  }
}

}  // namespace

void remove_tree(const Fd& parent, const std::string& name) {
  if (note_call([&] { return unlinkat(parent.get(), name.c_str(), 0); }, "unlinkat {}", name) == 0 || errno == ENOENT)
    return;
  if (errno == ENOTDIR) throw Error("unlinkat " + name, errno);
  unless_gone([&] {
    const Fd top = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (is_mounted(top)) refuse_mounted(name.c_str());
    unsigned lifted = 0;
    unsigned before = 0;
    do {  // what was lifted to the top is removed in the next round
      before = lifted;
      remove_entries(top, top.get(), 0, lifted);
    } while (lifted != before);
    attempt([&] { return unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR); }, "unlinkat {}", name);
  });
}

void remove_tree(const std::string& path) { remove_tree(open(".", O_PATH | O_DIRECTORY), path); }

}  // namespace coracle::kernel
