#include "build/copy.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>
#include <sys/stat.h>

#include "image/layer.hpp"
#include "image/time.hpp"
#include "kernel/copy_tree.hpp"
#include "kernel/error.hpp"
#include "kernel/inode.hpp"
#include "kernel/mount.hpp"
#include "kernel/own_user_namespace.hpp"
#include "parts/unpack.hpp"
#include "parts/unpack/tree.hpp"

namespace coracle::build {
namespace {

using kernel::Error;
using kernel::Fd;
using parts::Attributes;
using parts::EntryName;

std::string joined(const std::string& directory, const std::string& name) {
  if (name.empty()) return directory;
  return directory.empty() ? name : directory + "/" + name;
}

// One copy under way into a root.
class Copying {
 public:
  Copying(const std::string& root, const CopyOptions& options)
      : options_(options), root_(kernel::open(root, O_PATH | O_DIRECTORY)), tree_(root, memory_) {
    for (const std::string& part : path_parts(options.destination)) destination_ = joined(destination_, part);
    resolve_destination();
  }

  void match(const Origin& origin, const Match& match);
  void content(const std::string& name, const std::string& content);
  void finish() { tree_.finish(); }

 private:
  struct stat* find(const std::string& path);
  void resolve_destination();
  void refuse_directory(const std::string& path);
  void item(const Origin& origin, const std::string& path, const std::string& to);
  void directory(const std::string& to, Attributes attributes);
  void file(const Fd& from, const struct stat& status, const std::string& to, const Attributes& attributes);
  void unpack(const Origin& origin, const Fd& archive, const std::string& name);
  Attributes attributes_of(const Fd& file, const struct stat& status, bool keep_owner) const;
  std::string file_name(const std::string& name) const {
    return directory_ ? joined(destination_, name) : destination_;
  }

  const CopyOptions& options_;
  Fd root_;
  parts::Budget memory_ = parts::kMostKept;
  parts::Tree tree_;
  std::string destination_;  // inside the root; "" is its top
  bool directory_ = false;   // what is copied goes into it
  struct stat status_ {};
};

// What a path leads to, links followed inside the root; nullptr when there is nothing.
struct stat* Copying::find(const std::string& path) {
  const Fd found = kernel::find_in_root(root_, path.empty() ? "." : path, O_PATH);
  if (!found) return nullptr;
  status_ = kernel::fstatat(found, "").value();
  return &status_;
}

// A directory that is there may be a link to one: from here on it is called what it really is.
void Copying::resolve_destination() {
  const Fd there = kernel::find_in_root(root_, destination_.empty() ? "." : destination_, O_PATH);
  const bool is_there = there && S_ISDIR(kernel::fstatat(there, "").value().st_mode);
  directory_ = options_.into_directory || is_there;
  if (!is_there) return;
  const std::string top = kernel::real_path(root_);
  const std::string real = kernel::real_path(there);
  destination_ = real.size() > top.size() ? real.substr(top.size() + 1) : "";
}

void Copying::refuse_directory(const std::string& path) {
  const struct stat* there = find(path);
  if (there != nullptr && S_ISDIR(there->st_mode))
    throw Error("copy a file to /" + path, EISDIR, "there is a directory of that name in the image");
}

void Copying::match(const Origin& origin, const Match& match) {
  if (match.directory) {
    const struct stat* there = find(destination_);
    if (there != nullptr && !S_ISDIR(there->st_mode))
      throw Error("copy a directory to /" + destination_, ENOTDIR, "there is a file of that name in the image");
    for (const Item& one : match.items) item(origin, one.path, joined(destination_, one.name));
    return;
  }
  for (const Item& one : match.items) {
    const Fd file = origin.open(one.path);
    if (options_.unpack && S_ISREG(kernel::fstatat(file, "").value().st_mode) &&
        parts::is_archive(kernel::path_of(file))) {
      unpack(origin, file, one.path);
    } else {
      item(origin, one.path, file_name(match.name));
    }
  }
}

void Copying::item(const Origin& origin, const std::string& path, const std::string& to) {
  origin.go_on();
  const Fd from = origin.open(path);
  const struct stat status = kernel::fstatat(from, "").value();
  const Attributes attributes = attributes_of(from, status, origin.keep_owners());
  if (S_ISDIR(status.st_mode)) return directory(to, attributes);
  refuse_directory(to);
  if (S_ISREG(status.st_mode)) {
    file(from, status, to, attributes);
  } else if (S_ISLNK(status.st_mode)) {
    tree_.symlink(EntryName(to), kernel::readlinkat(from, ""), attributes);
  } else if (S_ISFIFO(status.st_mode) || kernel::in_first_user_namespace()) {
    tree_.node(EntryName(to), status.st_mode & S_IFMT, status.st_rdev, attributes);
  }
}

// One that is there stays as it is.
void Copying::directory(const std::string& to, Attributes attributes) {
  const struct stat* there = find(to);
  if (there != nullptr && S_ISDIR(there->st_mode)) return;
  if (there != nullptr) throw Error("copy a directory to /" + to, ENOTDIR, "there is a file of that name in the image");
  tree_.directory(EntryName(to), std::move(attributes));
}

void Copying::file(const Fd& from, const struct stat& status, const std::string& to, const Attributes& attributes) {
  const Fd made = tree_.file(EntryName(to));
  kernel::copy_contents(kernel::open(kernel::path_of(from), O_RDONLY), made, status.st_size);
  parts::Tree::set_attributes(made, attributes, S_IFREG);
}

void Copying::content(const std::string& name, const std::string& content) {
  const std::string to = file_name(name);
  refuse_directory(to);
  const Fd made = tree_.file(EntryName(to));
  kernel::write_all(made, content);
  struct stat status {};
  status.st_mode = S_IFREG | 0644;
  status.st_mtim.tv_sec = image::time_of_making();
  parts::Tree::set_attributes(made, attributes_of(Fd(), status, false), S_IFREG);
}

// Its links lead nowhere but into the destination: that is the root of what is unpacked.
void Copying::unpack(const Origin& origin, const Fd& archive, const std::string& name) {
  if (options_.owner || options_.mode)
    throw Error("unpack " + name, 0,
                "--chown and --chmod do not go with an archive that ADD unpacks; use COPY and RUN");
  const Fd directory = kernel::make_directories_in_root(root_, destination_.empty() ? "." : destination_);
  parts::unpack(parts::bytes_of(kernel::path_of(archive)), name, kernel::path_of(directory),
                image::unpack_options([&](std::string_view) { origin.go_on(); }));
}

Attributes Copying::attributes_of(const Fd& file, const struct stat& status, bool keep_owner) const {
  Attributes attributes;
  attributes.uid = options_.owner ? options_.owner->uid : keep_owner ? status.st_uid : 0;
  attributes.gid = options_.owner ? options_.owner->gid : keep_owner ? status.st_gid : 0;
  attributes.mode = options_.mode.value_or(status.st_mode & 07777U);
  attributes.access = attributes.modification = status.st_mtim;
  if (!file) return attributes;
  for (auto& [name, value] : kernel::xattrs(file)) {
    if (name == "security.capability") attributes.xattrs.emplace_back(name, std::move(value));
  }
  return attributes;
}

}  // namespace

void copy(const Origin& origin, const std::vector<Match>& matches, const std::string& root,
          const CopyOptions& options) {
  Copying copying(root, options);
  for (const Match& match : matches) copying.match(origin, match);
  copying.finish();
}

void write_file(const std::string& root, const std::string& name, const std::string& content,
                const CopyOptions& options) {
  Copying copying(root, options);
  copying.content(name, content);
  copying.finish();
}

}  // namespace coracle::build
