#include "image/pack.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <sys/sysmacros.h>
#include <unistd.h>

#include "image/tar_header.hpp"
#include "kernel/inode.hpp"
#include "kernel/mount.hpp"
#include "kernel/own_user_namespace.hpp"
#include "kernel/recorder.hpp"

namespace coracle::image {
namespace {

using kernel::Fd;

constexpr std::size_t kPiece = 256U << 10U;

bool is_whiteout(const struct stat& status) { return S_ISCHR(status.st_mode) && status.st_rdev == 0; }

bool is_kept(std::string_view xattr) {
  return xattr == "security.capability" || (xattr.starts_with("user.") && !xattr.starts_with("user.overlay."));
}

// The name itself; an empty Fd when it has just been removed.
Fd find(const Fd& directory, const std::string& name) {
  return kernel::find_in_root(directory, name, O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

char type_of(const struct stat& status) {
  switch (status.st_mode & S_IFMT) {
    case S_IFDIR:
      return '5';
    case S_IFLNK:
      return '2';
    case S_IFCHR:
      return '3';
    case S_IFBLK:
      return '4';
    case S_IFIFO:
      return '6';
    default:
      return '0';
  }
}

class Packing {
 public:
  Packing(Fd tree, PackOptions options) : tree_(std::move(tree)), options_(std::move(options)) {
    if (options_.only.empty()) {
      todo_.emplace_back("");
    } else if (const auto status = kernel::fstatat(tree_, options_.only); status && S_ISDIR(status->st_mode)) {
      todo_.push_back(options_.only);
    } else {
      here_ = kernel::openat(tree_, ".", O_RDONLY | O_DIRECTORY);
      entries_.push_back(options_.only);
    }
  }

  std::size_t read(char* buffer, std::size_t size) {
    while (given_ == made_.size() && !done_) {
      made_.clear();
      given_ = 0;
      step();
    }
    const std::size_t count = made_.copy(buffer, size, given_);
    given_ += count;
    return count;
  }

 private:
  void step();
  void contents();
  void directory(const std::string& path);
  void entry(const Fd& parent, const std::string& directory, const std::string& name);
  void header(const std::string& path, const struct stat& status, const Fd& file);
  void note(const std::string& path);
  bool left_out(const std::string& path) const { return options_.leave_out && options_.leave_out(path); }

  const std::string opaque_ = kernel::overlay_xattr("opaque");
  Fd tree_;
  PackOptions options_;
  std::string made_;  // bytes that nobody has taken yet, from given_ on
  std::size_t given_ = 0;
  std::vector<std::string> todo_;     // directories, the next one last: no depth of nesting uses up the stack
  std::vector<std::string> entries_;  // of the directory at hand, the next one last
  std::string at_;                    // its path
  Fd here_;                           // itself
  Fd file_;                           // whose contents are being written
  off_t offset_ = 0, size_ = 0;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;  // inode -> its first name
  bool done_ = false;
};

void Packing::step() {
  if (file_) return contents();
  if (!entries_.empty()) {
    const std::string name = std::move(entries_.back());
    entries_.pop_back();
    return entry(here_, at_, name);
  }
  if (!todo_.empty()) {
    const std::string path = std::move(todo_.back());
    todo_.pop_back();
    return directory(path);
  }
  made_ = tar_end();
  done_ = true;
}

// A file that became shorter is filled up with zeros, one that became longer is cut off.
void Packing::contents() {
  made_.resize(static_cast<std::size_t>(std::min<off_t>(size_ - offset_, kPiece)));
  const auto call = [&] { return ::pread(file_.get(), made_.data(), made_.size(), offset_); };
  const ssize_t count = made_.empty() ? 0 : kernel::attempt(call, "pread");
  if (count > 0) {
    made_.resize(static_cast<std::size_t>(count));
  } else {
    std::fill(made_.begin(), made_.end(), '\0');
  }
  offset_ += static_cast<off_t>(made_.size());
  if (offset_ < size_) return;
  made_ += tar_padding(static_cast<std::uint64_t>(size_));
  file_.close();
}

void Packing::directory(const std::string& path) {
  here_ = kernel::find_in_root(tree_, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY,
                               RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  if (!here_) return;
  at_ = path.empty() ? "" : path + "/";
  header(path.empty() ? "./" : at_, kernel::fstatat(here_, "").value(), here_);
  if (options_.overlay && kernel::getxattr(here_, opaque_) == "y") note(at_ + ".wh..wh..opq");
  entries_ = kernel::list(here_);
  std::vector<std::string> directories;
  std::erase_if(entries_, [&](const std::string& name) {
    if (left_out(at_ + name)) return true;
    const auto status = kernel::fstatat(here_, name);
    if (status && S_ISDIR(status->st_mode)) directories.push_back(at_ + name);
    return !status || S_ISDIR(status->st_mode) || S_ISSOCK(status->st_mode);
  });
  std::reverse(entries_.begin(), entries_.end());
  todo_.insert(todo_.end(), directories.rbegin(), directories.rend());
}

void Packing::entry(const Fd& parent, const std::string& directory, const std::string& name) {
  const Fd file = find(parent, name);
  if (!file) return;
  const struct stat status = kernel::fstatat(file, "").value();
  if (S_ISDIR(status.st_mode) || S_ISSOCK(status.st_mode)) return;  // it has just become one
  if (options_.overlay && is_whiteout(status)) return note(directory + ".wh." + name);
  header(directory + name, status, file);
}

void Packing::header(const std::string& path, const struct stat& status, const Fd& file) {
  TarMember member{.name = path, .type = type_of(status), .mode = status.st_mode & 07777U};
  member.uid = status.st_uid;
  member.gid = status.st_gid;
  member.modification = std::min<std::int64_t>(status.st_mtime, options_.latest_time.value_or(INT64_MAX));
  if (!S_ISDIR(status.st_mode) && status.st_nlink > 1) {
    const auto [known, is_new] = links_.try_emplace({status.st_dev, status.st_ino}, path);
    if (!is_new) {
      member.type = '1';
      member.link = known->second;
      made_ += tar_header(member);
      return;
    }
  }
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    member.device_major = major(status.st_rdev);
    member.device_minor = minor(status.st_rdev);
  }
  if (S_ISLNK(status.st_mode)) member.link = kernel::readlinkat(file, "");
  if (S_ISREG(status.st_mode)) member.size = static_cast<std::uint64_t>(status.st_size);
  member.xattrs = kernel::xattrs(file);
  std::erase_if(member.xattrs, [](const auto& xattr) { return !is_kept(xattr.first); });
  made_ += tar_header(member);
  if (member.size == 0) return;
  file_ = kernel::open(kernel::path_of(file), O_RDONLY);
  offset_ = 0;
  size_ = status.st_size;
}

// An entry that says something about the layers below, and is empty itself.
void Packing::note(const std::string& path) { made_ += tar_header({.name = path, .mode = 0600}); }

}  // namespace

parts::Bytes pack(Fd tree, PackOptions options) {
  const auto packing = std::make_shared<Packing>(std::move(tree), std::move(options));
  return [packing](char* buffer, std::size_t size) { return packing->read(buffer, size); };
}

}  // namespace coracle::image
