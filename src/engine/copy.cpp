#include "engine/copy.hpp"

#include <map>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>

#include "kernel/copy_tree.hpp"
#include "kernel/error.hpp"
#include "kernel/inode.hpp"
#include "kernel/mount.hpp"
#include "kernel/mountpoint.hpp"
#include "kernel/own_user_namespace.hpp"
#include "parts/unpack.hpp"
#include "parts/unpack/tree.hpp"

namespace coracle::engine {
namespace {

using kernel::Error;
using kernel::Fd;
using parts::Attributes;
using parts::EntryName;

std::string joined(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : name.empty() ? directory : directory + "/" + name;
}

class Copying {
 public:
  Copying(const Fd& from, const Fd& to, std::string name, const CopyOptions& options)
      : from_(from), to_(to), name_(std::move(name)), options_(options), tree_(kernel::path_of(to), memory_) {}

  void copy() {
    entry(from_, "");
    while (!todo_.empty()) {  // no depth of nesting uses up the stack
      const std::string path = std::move(todo_.back());
      todo_.pop_back();
      directory(path);
    }
    tree_.finish();
  }

 private:
  void directory(const std::string& path);
  void entry(const Fd& file, const std::string& path);
  bool is_there(const std::string& to, bool directory) const;
  Attributes attributes_of(const Fd& file, const struct stat& status) const;

  const Fd& from_;
  const Fd& to_;
  std::string name_;
  const CopyOptions& options_;
  parts::Budget memory_ = parts::kMostKept;
  parts::Tree tree_;
  std::vector<std::string> todo_;                         // directories below `from`
  std::map<std::pair<dev_t, ino_t>, std::string> links_;  // inode -> its first name in the copy
};

void Copying::directory(const std::string& path) {
  const Fd here = kernel::find_in_root(from_, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
  if (!here) return;
  for (const std::string& name : kernel::list(here)) {
    const Fd file = kernel::find_in_root(here, name, O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
    if (file && (!kernel::is_mount_root(file) || options_.crosses(joined(path, name)))) entry(file, joined(path, name));
  }
}

// What stands at the place may be a link: it is replaced, and never written through.
bool Copying::is_there(const std::string& to, bool directory) const {
  const Fd there = kernel::find_in_root(to_, to, O_PATH | O_NOFOLLOW);
  if (!there) return false;
  const bool is_directory = S_ISDIR(kernel::fstatat(there, "").value().st_mode);
  if (is_directory && !directory) throw Error("copy to " + to, EISDIR, "cannot overwrite a directory with a file");
  if (!is_directory && directory) throw Error("copy to " + to, ENOTDIR, "cannot overwrite a file with a directory");
  return true;
}

void Copying::entry(const Fd& file, const std::string& path) {
  options_.go_on();
  const struct stat status = kernel::fstatat(file, "").value();
  const std::string to = joined(name_, path);
  const Attributes attributes = attributes_of(file, status);
  if (S_ISDIR(status.st_mode)) {
    todo_.push_back(path);
    if (!to.empty() && !is_there(to, true)) tree_.directory(EntryName(to), attributes);
    return;
  }
  if (S_ISSOCK(status.st_mode)) return;
  is_there(to, false);
  if (status.st_nlink > 1) {
    const auto [known, is_new] = links_.try_emplace({status.st_dev, status.st_ino}, to);
    if (!is_new) return tree_.hardlink(EntryName(to), EntryName(known->second));
  }
  if (S_ISREG(status.st_mode)) {
    const Fd made = tree_.file(EntryName(to));
    kernel::copy_contents(kernel::open(kernel::path_of(file), O_RDONLY), made, status.st_size);
    parts::Tree::set_attributes(made, attributes, S_IFREG);
  } else if (S_ISLNK(status.st_mode)) {
    tree_.symlink(EntryName(to), kernel::readlinkat(file, ""), attributes);
  } else if (S_ISFIFO(status.st_mode) || kernel::in_first_user_namespace()) {
    tree_.node(EntryName(to), status.st_mode & S_IFMT, status.st_rdev, attributes);
  }
}

Attributes Copying::attributes_of(const Fd& file, const struct stat& status) const {
  Attributes attributes;
  attributes.uid = options_.owner ? options_.owner->first : status.st_uid;
  attributes.gid = options_.owner ? options_.owner->second : status.st_gid;
  attributes.mode = status.st_mode & 07777U;
  attributes.access = attributes.modification = status.st_mtim;
  for (auto& [name, value] : kernel::xattrs(file)) {
    if (name == "security.capability") attributes.xattrs.emplace_back(name, std::move(value));
  }
  return attributes;
}

}  // namespace

void copy_files(const Fd& from, const Fd& to, const std::string& name, const CopyOptions& options) {
  Copying(from, to, name, options).copy();
}

}  // namespace coracle::engine
