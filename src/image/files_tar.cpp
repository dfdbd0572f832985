// The files of a tar: where each of them lies in it. The entries are read by libarchive; contents are skipped.
#include <filesystem>
#include <unordered_map>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <unistd.h>

#include "image/files.hpp"
#include "kernel/inode.hpp"
#include "kernel/recorder.hpp"

namespace coracle::image {
namespace {

using kernel::Error;

constexpr std::size_t kMostEntries = 100'000;
constexpr std::size_t kLongestName = 255;
constexpr std::size_t kBufferSize = 64U << 10U;
constexpr std::int64_t kMostHeader =
    4U << 20U;  // which libarchive keeps in memory: long names, the map of a sparse file

// "./a//b/" is "a/b", and so is "c/../a/b". A name that leads out of the tar keeps its ".." and is never asked for.
std::string normal(const std::filesystem::path& name) {
  std::string text = name.lexically_normal();
  while (!text.empty() && text.back() == '/') text.pop_back();
  return text == "." ? "" : text;
}

// A tar in a regular file, for libarchive.
class Reader {
 public:
  explicit Reader(const kernel::Fd& file)
      : file_(file), size_(kernel::fstatat(file, "")->st_size), tar_(archive_read_new()) {
    archive_read_support_format_tar(tar_.get());
    archive_read_set_callback_data(tar_.get(), this);
    archive_read_set_read_callback(tar_.get(), read);
    archive_read_set_skip_callback(tar_.get(), skip);
    check(archive_read_open1(tar_.get()));
  }

  archive_entry* next() {
    archive_entry* entry = nullptr;
    read_ = 0;
    const int result = archive_read_next_header(tar_.get(), &entry);
    if (result == ARCHIVE_EOF) return nullptr;
    if (result != ARCHIVE_WARN || archive_errno(tar_.get()) != EILSEQ) check(result);  // names are bytes
    return entry;
  }

  // Where the contents of the entry that next() gave lie.
  std::pair<std::uint64_t, std::uint64_t> contents(archive_entry* entry) const {
    const std::int64_t begin = archive_filter_bytes(tar_.get(), 0);
    const std::int64_t size = archive_entry_size(entry);
    if (archive_entry_sparse_count(entry) > 0) throw Error("read a file", 0, "it is sparse, which no blob is");
    if (size < 0 || size > size_ - begin) throw Error("read a file", 0, "the tar ends before it does");
    return {begin, size};
  }

 private:
  static la_ssize_t read(archive* tar, void* self, const void** buffer) {
    Reader& me = *static_cast<Reader*>(self);
    if (me.read_ > kMostHeader) {
      archive_set_error(tar, EFBIG, "more than 4 MiB stand before a file's contents");
      return ARCHIVE_FATAL;
    }
    const ssize_t count = ::pread(me.file_.get(), me.buffer_.data(), me.buffer_.size(), me.at_);
    if (count < 0) archive_set_error(tar, errno, "pread");
    me.at_ += std::max<ssize_t>(count, 0);
    me.read_ += std::max<ssize_t>(count, 0);
    *buffer = me.buffer_.data();
    return count;
  }

  static la_int64_t skip(archive*, void* self, la_int64_t request) {
    Reader& me = *static_cast<Reader*>(self);
    const std::int64_t count = std::clamp<std::int64_t>(request, 0, me.size_ - std::min(me.at_, me.size_));
    me.at_ += count;
    return count;
  }

  void check(int result) {
    if (result == ARCHIVE_OK) return;
    const char* text = archive_error_string(tar_.get());
    throw Error(fmt::format("read the tar: {}", text != nullptr ? text : "it is damaged"), 0);
  }

  struct Free {
    void operator()(archive* tar) const { archive_read_free(tar); }
  };

  const kernel::Fd& file_;
  std::int64_t size_, at_ = 0;
  std::int64_t read_ = 0;  // for the header of one entry
  std::vector<char> buffer_ = std::vector<char>(kBufferSize);
  std::unique_ptr<archive, Free> tar_;
};

class Tar : public Files {
 public:
  explicit Tar(kernel::Fd file) : file_(std::make_shared<kernel::Fd>(std::move(file))) {
    Reader reader(*file_);
    std::size_t count = 0;
    while (archive_entry* entry = reader.next()) {
      if (++count > kMostEntries) throw Error(fmt::format("read a tar of more than {} entries", kMostEntries), 0);
      add(reader, entry);
    }
    if (count == 0) throw Error("read the tar", 0, "there is nothing in it");
  }

  // docker of old put a layer that an archive has twice into it as a link to the first: one link is followed, by name
  // and inside the tar.
  std::optional<Extent> find(const std::string& name) const override {
    auto entry = entries_.find(normal(name));
    if (entry != entries_.end() && entry->second.kind == Kind::link) entry = entries_.find(entry->second.target);
    if (entry == entries_.end()) return std::nullopt;
    if (entry->second.kind != Kind::file) throw Error("read " + name, 0, "it is no regular file");
    return Extent{file_, entry->second.begin, entry->second.size};
  }

 private:
  enum class Kind { file, link, directory, other };
  struct Entry {
    Kind kind = Kind::other;
    std::uint64_t begin = 0, size = 0;
    std::string target = {};  // of a link
  };

  void add(const Reader& reader, archive_entry* archived) {
    const char* path = archive_entry_pathname(archived);
    if (path == nullptr) throw Error("read the tar: an entry has no name", 0);
    const std::string name = normal(path);
    if (name.size() > kLongestName) throw Error(fmt::format("read an entry with a name of {} bytes", name.size()), 0);
    try {
      Entry entry = read(reader, archived, name);
      const bool directory = entry.kind == Kind::directory;
      const auto [there, added] = entries_.emplace(name, std::move(entry));
      if (!added && !(directory && there->second.kind == Kind::directory)) {
        throw Error("read a file", 0, "there are two of this name");
      }
    } catch (const Error& error) {
      throw Error(kernel::printable(name) + ": " + error.attempt(), error.code(), error.hint());
    }
  }

  static Entry read(const Reader& reader, archive_entry* archived, const std::string& name) {
    if (const char* to = archive_entry_hardlink(archived); to != nullptr) {
      return {.kind = Kind::link, .target = normal(to)};
    }
    if (archive_entry_filetype(archived) == AE_IFREG) {
      const auto [begin, size] = reader.contents(archived);
      return {Kind::file, begin, size};
    }
    if (const char* to = archive_entry_symlink(archived); to != nullptr) {
      return {.kind = Kind::link, .target = normal(std::filesystem::path(name).parent_path() / to)};
    }
    return {.kind = archive_entry_filetype(archived) == AE_IFDIR ? Kind::directory : Kind::other};
  }

  std::shared_ptr<const kernel::Fd> file_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace

std::unique_ptr<Files> open_tar(kernel::Fd file) { return std::make_unique<Tar>(std::move(file)); }

}  // namespace coracle::image
