#include "parts/unpack/tree.hpp"

#include <algorithm>
#include <climits>

#include <fmt/format.h>

#include "kernel/error.hpp"
#include "kernel/inode.hpp"
#include "kernel/node.hpp"
#include "kernel/own_user_namespace.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

// As overlayfs notes it: a file that hides what the layers below have in its place (overlayfs.rst, "whiteouts").
bool is_whiteout(const struct stat& status) { return S_ISCHR(status.st_mode) && status.st_rdev == 0; }

std::string joined(const std::string& parent, const std::string& name) {
  return parent.empty() ? name : parent + "/" + name;
}

Fd open_itself(const Fd& parent, const std::string& name) { return kernel::openat(parent, name, O_PATH | O_NOFOLLOW); }

void set_opaque(const Fd& directory) { kernel::setxattr(directory, kernel::overlay_xattr("opaque"), "y"); }

// A directory that no entry describes: root's, and its times are those of its making.
Attributes implied() { return {.mode = 0755, .access = {0, UTIME_OMIT}, .modification = {0, UTIME_OMIT}}; }

void set_xattr(const Fd& fd, const std::string& name, const std::string& value) {
  try {
    kernel::setxattr(fd, name, value);
  } catch (const Error& error) {
    // What this file system cannot hold, or an ordinary user may not set, is left out, as docker does. But not a
    // capability: its program would not work.
    const bool forbidden = error.code() == EPERM && !kernel::in_first_user_namespace();
    if ((error.code() != EOPNOTSUPP && !forbidden) || name == "security.capability") throw;
  }
}

// What is wrong with an owner that the kernel does not take (EINVAL): it stands for nobody in this user namespace.
Error unmapped(const Attributes& attributes, const Error& error) {
  if (kernel::in_first_user_namespace()) return error;
  const auto nobody = [&](const char* what, unsigned id, const char* file) {
    return Error(
        fmt::format("chown to {} {}", what, id), EINVAL,
        fmt::format("the ids that you are given end before it: {} must give you more (see coracle doctor)", file));
  };
  if (!kernel::uid_is_mapped(attributes.uid)) return nobody("user", attributes.uid, "/etc/subuid");
  if (!kernel::gid_is_mapped(attributes.gid)) return nobody("group", attributes.gid, "/etc/subgid");
  return error;
}

void set_owner(const Fd& fd, const Attributes& attributes) {
  try {
    kernel::fchown(fd, attributes.uid, attributes.gid);
  } catch (const Error& error) {
    throw error.code() == EINVAL ? unmapped(attributes, error) : error;
  }
}

}  // namespace

EntryName::EntryName(std::string_view name) {
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, end);
    name.remove_prefix(std::min(end + 1, name.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") throw Error("use a name with \"..\" in it", 0, "no tool that means well writes such names");
    if (!base.empty()) parent = joined(parent, base);
    base = part;
  }
  if (parent.size() + base.size() + 1 >= PATH_MAX) throw Error("use a name of more than 4095 bytes", ENAMETOOLONG);
}

Tree::Tree(const std::string& directory, Budget& budget)
    : budget_(budget), root_(kernel::open(directory, O_PATH | O_DIRECTORY)), root_path_(kernel::real_path(root_)) {
  if (root_path_ == "/") root_path_.clear();
}

void Tree::directory(const EntryName& name, Attributes attributes) {
  if (!name.base.empty()) make_directory(open(name.parent), name.base);
  remember(name.base.empty() ? "" : real_path(name.base), std::move(attributes));
}

void Tree::remember(const std::string& path, Attributes attributes) {
  constexpr std::size_t kNode = 160;  // of the map
  std::size_t size = kNode + path.size();
  for (const auto& [name, value] : attributes.xattrs) size += kNode + name.size() + value.size();
  kept_ += static_cast<std::int64_t>(size);
  if (budget_.fetch_sub(static_cast<std::int64_t>(size)) < 0) {
    throw Error("keep the attributes of so many directories until the end", ENOMEM,
                "more than 300,000 at once are not unpacked here");
  }
  directories_[path] = std::move(attributes);
}

Fd Tree::file(const EntryName& name) {
  Fd file;
  put(name, [&](const Fd& parent) {
    file = kernel::openat(parent, name.base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  });
  return file;
}

void Tree::symlink(const EntryName& name, const std::string& text, const Attributes& attributes) {
  put(name, [&](const Fd& parent) { kernel::symlinkat(text, parent, name.base); });
  set_attributes(open_itself(place_.fd, name.base), attributes, S_IFLNK);
}

void Tree::hardlink(const EntryName& name, const EntryName& target) {
  if (target.base.empty()) throw Error("make a hard link to the root directory", EPERM);
  const Fd directory = kernel::open_in_root(root_, target.parent.empty() ? "." : target.parent, O_PATH | O_DIRECTORY);
  const Fd& parent = open(name.parent);
  const auto old = kernel::fstatat(directory, target.base);
  const auto there = name.base.empty() ? std::nullopt : kernel::fstatat(parent, name.base);
  if (old && there && old->st_ino == there->st_ino && old->st_dev == there->st_dev) return;  // it is that already
  put(name, [&](const Fd& fd) { kernel::linkat(directory, target.base, fd, name.base); });
}

void Tree::node(const EntryName& name, mode_t type, dev_t device, const Attributes& attributes) {
  put(name, [&](const Fd& parent) { kernel::mknodat(parent, name.base, type | 0600, device); });
  set_attributes(open_itself(place_.fd, name.base), attributes, type);
}

void Tree::whiteout(const EntryName& name) {
  const Fd& parent = open(name.parent);
  const auto there = kernel::fstatat(parent, name.base);
  if (!there) kernel::mknodat(parent, name.base, S_IFCHR, 0);
  if (there && S_ISDIR(there->st_mode)) set_opaque(open_itself(parent, name.base));
}

void Tree::opaque(const std::string& directory) { set_opaque(open(directory)); }

void Tree::set_attributes(const Fd& fd, const Attributes& attributes, mode_t type) {
  set_owner(fd, attributes);  // first: it clears setuid and capabilities (chown(2))
  if (type != S_IFLNK) kernel::fchmod(fd, attributes.mode);
  for (const auto& [name, value] : attributes.xattrs) set_xattr(fd, name, value);
  kernel::utimensat(fd, attributes.access, attributes.modification);
}

void Tree::finish() {
  for (auto entry = directories_.rbegin(); entry != directories_.rend(); ++entry) {  // children before their parents
    const std::string path = entry->first.empty() ? "." : entry->first;
    set_attributes(kernel::open_in_root(root_, path, O_RDONLY | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS), entry->second,
                   S_IFDIR);
  }
  directories_.clear();
}

// Makes something at a name; what is there already is removed, and then it is made again.
template <typename Make>
void Tree::put(const EntryName& name, Make make) {
  if (name.base.empty()) throw Error("put something else in place of the root directory", ENOTDIR);
  const Fd& parent = open(name.parent);
  try {
    make(parent);
  } catch (const Error& error) {
    if (error.code() != EEXIST) throw;
    remove(name.base);
    make(parent);
  }
}

// The directory of that name, opened, made when missing, links followed inside the root.
const Fd& Tree::open(const std::string& directory) {
  if (place_.name == directory) return place_.fd;
  place_ = {};
  try {
    place_.fd = kernel::open_in_root(root_, directory.empty() ? "." : directory, O_PATH | O_DIRECTORY);
  } catch (const Error& error) {
    if (error.code() != ENOENT && error.code() != ENOTDIR) throw;
    make_parents(directory);
  }
  place_.name = directory;
  return place_.fd;
}

void Tree::make_parents(const std::string& directory) {
  place_.fd = kernel::open_in_root(root_, ".", O_PATH | O_DIRECTORY);
  for (std::size_t begin = 0; begin < directory.size();) {
    const std::size_t end = std::min(directory.find('/', begin), directory.size());
    const std::string name = directory.substr(begin, end - begin);
    const auto there = kernel::fstatat(place_.fd, name);
    if (there && S_ISLNK(there->st_mode)) {
      const std::string text = kernel::readlinkat(place_.fd, name);
      kernel::make_directories_in_root(root_, text.front() == '/' ? text : directory.substr(0, begin) + text);
      place_.fd = kernel::open_in_root(root_, directory.substr(0, end), O_PATH | O_DIRECTORY);
    } else {
      if (!there || is_whiteout(*there)) {
        make_directory(place_.fd, name);
        remember(real_path(name), implied());
      }
      place_.fd = kernel::openat(place_.fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    }
    place_.path.clear();
    begin = end + 1;
  }
}

// The directory `name` in the current place. Over a whiteout of this layer it becomes opaque: the one below stays
// hidden.
void Tree::make_directory(const Fd& parent, const std::string& name) {
  const auto there = kernel::fstatat(parent, name);
  if (there && S_ISDIR(there->st_mode)) return;
  if (there) remove(name);
  kernel::mkdirat(parent, name, 0700);
  if (there && is_whiteout(*there)) set_opaque(open_itself(parent, name));
}

// Removes `name` in the current place, with all below it. From then on other names may lead elsewhere, too.
void Tree::remove(const std::string& name) {
  const auto there = kernel::fstatat(place_.fd, name);
  if (there && S_ISDIR(there->st_mode)) {
    const std::string path = real_path(name);
    directories_.erase(path);
    directories_.erase(directories_.lower_bound(path + "/"), directories_.lower_bound(path + "0"));  // '0' follows '/'
  }
  kernel::remove_tree(place_.fd, name);
  place_.name.reset();
}

// Where `name` in the current place really is, below the root.
std::string Tree::real_path(const std::string& name) {
  if (place_.path.empty()) place_.path = kernel::real_path(place_.fd);
  return joined(place_.path, name).substr(root_path_.size() + 1);
}

}  // namespace coracle::parts
