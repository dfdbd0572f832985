#include "kernel/copy_tree.hpp"

#include <map>
#include <utility>

#include <sys/sendfile.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "kernel/inode.hpp"
#include "kernel/mount.hpp"
#include "kernel/mountpoint.hpp"
#include "kernel/node.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

// Three descriptors are open for each level; a process has 1024 as a rule.
constexpr int kDeepest = 256;

void copy_xattrs(const Fd& from, const Fd& to) {
  for (const auto& [name, value] : xattrs(from)) {
    const auto set = [&, &name = name, &value = value] {
      return ::setxattr(path_of(to).c_str(), name.c_str(), value.data(), value.size(), 0);
    };
    if (note_call(set, "setxattr {}", name) < 0 && errno != ENOTSUP)
      throw Error(fmt::format("setxattr {}", name), errno);
  }
}

// One copy under way. `path` is where we are below the top of the copy, for hard links and for errors.
class Copy {
 public:
  explicit Copy(const Fd& top) : top_(top) {}

  void directory(const Fd& from, const Fd& parent, const std::string& path, int depth) {
    if (depth > kDeepest) throw Error("copy " + path, ELOOP, fmt::format("more than {} directories deep", kDeepest));
    const std::string name = path.substr(path.rfind('/') + 1);
    mkdirat(parent, name, 0700);
    const Fd to = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    for (const std::string& entry : list(from)) copy_entry(from, entry, to, fmt::format("{}/{}", path, entry), depth);
    copy_attributes(from, to);  // at the end: each new entry changes the times
  }

 private:
  void copy_entry(const Fd& directory_of, const std::string& name, const Fd& to, const std::string& path, int depth) {
    const Fd from = find(directory_of, name);
    if (!from || is_mount_root(from)) return;
    const struct stat status = fstatat(from, "").value();
    if (S_ISDIR(status.st_mode)) return directory(from, to, path, depth + 1);
    if (status.st_nlink > 1) {
      const auto [known, is_new] = links_.try_emplace({status.st_dev, status.st_ino}, path);
      if (!is_new) return linkat(top_, known->second, to, name);
    }
    make(from, status, to, name);
    copy_attributes(from, openat(to, name, O_PATH | O_NOFOLLOW));
  }

  // What we look at is what we copy: in the next moment a name may stand for something else, a descriptor does not.
  static Fd find(const Fd& directory, const std::string& name) {
    const auto call = [&] { return ::openat(directory.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC); };
    const int fd = note_call(call, "openat {}", name);
    if (fd < 0 && errno != ENOENT) throw Error("openat " + name, errno);  // ENOENT: it was removed meanwhile
    return Fd(fd);
  }

  static void make(const Fd& from, const struct stat& status, const Fd& to, const std::string& name) {
    if (S_ISREG(status.st_mode)) {
      const Fd target = openat(to, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
      copy_contents(open(path_of(from), O_RDONLY), target, status.st_size);
    } else if (S_ISLNK(status.st_mode)) {
      symlinkat(readlinkat(from, ""), to, name);
    } else {
      mknodat(to, name, (status.st_mode & S_IFMT) | 0600, status.st_rdev);
    }
  }

  const Fd& top_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;  // inode -> its first name in the copy
};

}  // namespace

void copy_contents(const Fd& from, const Fd& to, off_t size) {
  for (off_t offset = 0; offset < size;) {
    offset = note_call([&] { return ::lseek(from.get(), offset, SEEK_DATA); }, "lseek SEEK_DATA");
    if (offset < 0 && errno == ENXIO) break;  // a hole up to the end
    if (offset < 0) throw Error("lseek SEEK_DATA", errno);
    const off_t hole = attempt([&] { return ::lseek(from.get(), offset, SEEK_HOLE); }, "lseek SEEK_HOLE");
    attempt([&] { return ::lseek(to.get(), offset, SEEK_SET); }, "lseek {}", offset);
    while (offset < hole) {
      const auto rest = static_cast<std::size_t>(hole - offset);
      const auto call = [&] { return ::sendfile(to.get(), from.get(), &offset, rest); };
      if (attempt(call, "sendfile {} bytes", rest) == 0) return;  // somebody made it shorter meanwhile
    }
  }
  attempt([&] { return ::ftruncate(to.get(), size); }, "ftruncate {}", size);
}

void copy_tree(const Fd& from, const Fd& parent, const std::string& name) {
  Copy(parent).directory(from, parent, name, 0);
}

// In this order: a change of owner clears set-user-ID bits and capabilities (chown(2), capabilities(7)).
void copy_attributes(const Fd& from, const Fd& to) {
  const struct stat status = fstatat(from, "").value();
  fchown(to, status.st_uid, status.st_gid);
  if (!S_ISLNK(status.st_mode)) fchmod(to, status.st_mode & 07777);
  copy_xattrs(from, to);
  utimensat(to, status.st_atim, status.st_mtim);
}

}  // namespace coracle::kernel
