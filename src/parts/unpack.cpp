// Entries of a tar to calls of unlink, mkdir, open, mknod, link, chown, ... The tar's bytes come out of unpack/stream
// (decompressed by unpack/decoder), its entries out of unpack/tar; unpack/tree makes them, and is where every name is
// resolved. See libarchive(3), openat2(2), image-spec layer.md.
#include "parts/unpack.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel/error.hpp"
#include "kernel/inode.hpp"
#include "kernel/own_user_namespace.hpp"
#include "parts/unpack/stream.hpp"
#include "parts/unpack/tar.hpp"
#include "parts/unpack/tree.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr std::string_view kWhiteout = ".wh.";        // image-spec layer.md, "Whiteouts"
constexpr std::string_view kOpaque = ".wh..wh..opq";  // the same, "Opaque Whiteout"
constexpr std::string_view kAufs = ".wh..wh.";        // what aufs noted about itself, in images of its time
constexpr std::uint64_t kMostHeader = 16U << 10U;     // bytes of the stream for each entry, besides its contents

class Unpacking {
 public:
  Unpacking(Tar& tar, Tree& tree, const UnpackOptions& options) : tar_(tar), tree_(tree), options_(options) {}

  void entry(archive_entry* entry);
  const Unpacked& done() const { return done_; }

 private:
  bool whiteout(const EntryName& name);
  void file(const EntryName& name, archive_entry* entry);
  void node(const EntryName& name, archive_entry* entry);

  Tar& tar_;
  Tree& tree_;
  const UnpackOptions& options_;
  Unpacked done_;
  // mknod(2) is for root alone. As docker does for an ordinary user, nodes are left out: a container's /dev is its own.
  const bool no_devices_ = !kernel::in_first_user_namespace();
};

// Overlayfs's own attributes in an archive would let it steer the mount: redirect to any directory, for one.
bool is_overlayfs(std::string_view xattr) {
  return xattr.starts_with("trusted.overlay.") || xattr.starts_with("user.overlay.");
}

// 2^32-1 is no id: chown(2) takes it for "leave as it is".
unsigned checked_id(const char* what, std::int64_t id) {
  if (id < 0 || id >= UINT32_MAX) throw Error(fmt::format("chown to {} {}", what, id), EINVAL);
  return static_cast<unsigned>(id);
}

Attributes attributes_of(archive_entry* entry) {
  Attributes attributes;
  attributes.uid = checked_id("user", archive_entry_uid(entry));
  attributes.gid = checked_id("group", archive_entry_gid(entry));
  attributes.mode = archive_entry_perm(entry);
  attributes.modification = {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)};
  attributes.access = attributes.modification;
  if (archive_entry_atime_is_set(entry) != 0)
    attributes.access = {archive_entry_atime(entry), archive_entry_atime_nsec(entry)};
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  archive_entry_xattr_reset(entry);
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    if (!is_overlayfs(name)) attributes.xattrs.emplace_back(name, std::string(static_cast<const char*>(value), size));
  }
  return attributes;
}

// mknod(2) takes 12 bits of major and 20 of minor, and would cut off the rest: 4096+1:3 would become /dev/null's 1:3.
dev_t device_of(archive_entry* entry) {
  const auto major_number = static_cast<std::uint64_t>(archive_entry_rdevmajor(entry));
  const auto minor_number = static_cast<std::uint64_t>(archive_entry_rdevminor(entry));
  if (major_number >= 1U << 12U || minor_number >= 1U << 20U) {
    throw Error(fmt::format("mknod device {}:{}", static_cast<std::int64_t>(major_number),
                            static_cast<std::int64_t>(minor_number)),
                EINVAL, "Linux has device numbers up to 4095:1048575");
  }
  return makedev(static_cast<unsigned>(major_number), static_cast<unsigned>(minor_number));
}

void Unpacking::entry(archive_entry* entry) {
  if (++done_.entries > options_.most_entries)
    throw Error(fmt::format("unpack more than {} entries", options_.most_entries), 0);
  const std::string_view path = tar_.name(entry);
  const EntryName name(path);
  if (options_.whiteouts && whiteout(name)) return;
  if (const char* target = archive_entry_hardlink(entry); target != nullptr)
    return tree_.hardlink(name, EntryName(target));
  switch (archive_entry_filetype(entry)) {
    case AE_IFDIR:
      return tree_.directory(name, attributes_of(entry));
    case AE_IFLNK:
      return tree_.symlink(name, archive_entry_symlink(entry), attributes_of(entry));
    case AE_IFCHR:
    case AE_IFBLK:
      if (no_devices_) return;
      return tree_.node(name, archive_entry_filetype(entry), device_of(entry), attributes_of(entry));
    case AE_IFIFO:
      return tree_.node(name, S_IFIFO, 0, attributes_of(entry));
    default:
      break;
  }
  // v7 had no type for directories, but a slash behind the name.
  if (path.ends_with('/')) return tree_.directory(name, attributes_of(entry));
  file(name, entry);
}

// True when the entry is a note about the layers below and not a file.
bool Unpacking::whiteout(const EntryName& name) {
  if (name.base == kOpaque) {
    tree_.opaque(name.parent);
    return true;
  }
  if (name.base.starts_with(kAufs) || name.parent.starts_with(kAufs)) return true;
  if (!name.base.starts_with(kWhiteout)) return false;
  const std::string hidden = name.base.substr(kWhiteout.size());
  if (hidden.empty() || hidden == "." || hidden == "..") throw Error("hide a file that has no name", 0);
  tree_.whiteout(EntryName(name.parent + "/" + hidden));
  return true;
}

void Unpacking::file(const EntryName& name, archive_entry* entry) {
  const Attributes attributes = attributes_of(entry);
  const Fd file = tree_.file(name);
  const std::int64_t size = archive_entry_size(entry);
  std::int64_t written = 0;  // how far the file reaches
  std::string_view bytes;
  std::int64_t offset = 0;
  while (size > 0 && tar_.next_data(bytes, offset)) {
    done_.bytes += bytes.size();
    if (done_.bytes > options_.most_bytes)
      throw Error(fmt::format("unpack more than {} bytes", options_.most_bytes), EFBIG);
    kernel::pwrite_all(file, bytes, offset);
    written = std::max(written, offset + static_cast<std::int64_t>(bytes.size()));
  }
  if (written != size) kernel::ftruncate(file, size);  // a hole at its end
  Tree::set_attributes(file, attributes, S_IFREG);
}

// An error message goes to a terminal, and the archive wrote the name.
std::string printable(std::string_view name) {
  std::string text(name.substr(0, 200));
  for (char& byte : text) {
    if (static_cast<unsigned char>(byte) < ' ' || byte == '\x7f') byte = '?';
  }
  return name.size() > text.size() ? text + "..." : text;
}

std::string hint_for(const Error& error) {
  if (error.code() == ENOSPC || error.code() == EDQUOT)
    return "the disk is full where the layer is unpacked: free some space there";
  return error.hint();
}

std::uint64_t most_of_stream(const UnpackOptions& options) {
  const std::uint64_t headers = std::min(options.most_entries, UINT64_MAX / kMostHeader) * kMostHeader;
  return options.most_bytes + std::min(headers, UINT64_MAX - options.most_bytes);
}

}  // namespace

// The checksum of the first header (ustar's bytes 148 to 155, counted as blanks) is one that no other file has.
bool is_archive(const std::string& path) {
  try {
    char block[512];
    if (open_decoder(bytes_of(path))->read(block, sizeof block) < sizeof block) return false;
    unsigned sum = 8 * ' ';
    for (std::size_t i = 0; i < sizeof block; ++i)
      sum += i < 148 || i >= 156 ? static_cast<unsigned char>(block[i]) : 0U;
    return std::strtoul(std::string(block + 148, 8).c_str(), nullptr, 8) == sum;
  } catch (const Error&) {
    return false;
  }
}

Unpacked unpack(const std::string& archive, const std::string& directory, const UnpackOptions& options) {
  return unpack(bytes_of(archive), archive, directory, options);
}

Unpacked unpack(Bytes bytes, const std::string& archive, const std::string& directory, const UnpackOptions& options) {
  std::string name;
  try {
    Budget own = kMostKept;
    Tree tree(directory, options.memory != nullptr ? *options.memory : own);
    Stream stream(std::move(bytes), options.uncompressed, most_of_stream(options));
    Tar tar(stream);
    Unpacking unpacking(tar, tree, options);
    while (archive_entry* entry = tar.next()) {
      name = tar.name(entry);
      unpacking.entry(entry);
    }
    name.clear();
    tar.finish();
    tree.finish();
    return unpacking.done();
  } catch (const Error& error) {
    const std::string at = name.empty() ? "" : fmt::format(" at entry {}", printable(name));
    throw Error(fmt::format("unpack {}{}: {}", archive, at, printable(error.attempt())), error.code(), hint_for(error));
  }
}

}  // namespace coracle::parts
