#include "parts/unpack/tar.hpp"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "kernel/error.hpp"

namespace coracle::parts {

using kernel::Error;

namespace {

// libarchive keeps all that stands before an entry's contents in memory: pax records and long names, of which it takes
// 1 MiB each, and the map of a sparse file, for which it has no limit and takes 48 bytes for every 4.
constexpr std::size_t kMostHeader = 4U << 20U;

}  // namespace

Tar::Tar(Stream& stream) : stream_(stream), tar_(archive_read_new()) {
  archive_read_support_format_tar(tar_.get());
  check(archive_read_open(tar_.get(), this, nullptr, read, nullptr));
}

archive_entry* Tar::next() {
  if (began_) {
    const int skipped = archive_read_data_skip(tar_.get());
    if (skipped != ARCHIVE_EOF) check(skipped);
  }
  began_ = true;
  header_bytes_ = 0;
  in_header_ = true;
  archive_entry* entry = nullptr;
  const int result = archive_read_next_header(tar_.get(), &entry);
  in_header_ = false;
  if (result == ARCHIVE_EOF && !failure_) return nullptr;
  // A warning about the characters of a name means nothing: names are bytes, and we get them as they are. Other
  // warnings are about headers that libarchive cannot make sense of and would leave out.
  const bool harmless = result == ARCHIVE_WARN && archive_errno(tar_.get()) == EILSEQ;
  if (!harmless) check(result);
  return entry;
}

std::string_view Tar::name(archive_entry* entry) {
  const char* path = archive_entry_pathname(entry);
  if (path == nullptr) throw Error("read the tar: an entry has no name", 0);
  return path;
}

bool Tar::next_data(std::string_view& bytes, std::int64_t& offset) {
  const void* data = nullptr;
  std::size_t size = 0;
  const int result = archive_read_data_block(tar_.get(), &data, &size, &offset);
  if (result == ARCHIVE_EOF && !failure_) return false;
  check(result);
  bytes = {static_cast<const char*>(data), size};
  return true;
}

void Tar::finish() {
  const std::int64_t position = archive_filter_bytes(tar_.get(), 0);
  // At least one block of zeros: without it the archive may well be cut off behind any entry.
  if (position == archive_read_header_position(tar_.get()))
    throw Error("read the end-of-archive marker: it is missing", 0);
  const auto left = static_cast<std::size_t>(end_ - position);
  if (left > bytes_.size()) throw Error("read the tar: it is cut off inside a header", 0);
  bytes_.remove_prefix(bytes_.size() - left);
  do {
    const bool zeros = std::all_of(bytes_.begin(), bytes_.end(), [](char byte) { return byte == 0; });
    if (!zeros) throw Error("find nothing behind the end-of-archive marker: there is more", 0);
    bytes_ = stream_.next();
  } while (!bytes_.empty());
}

la_ssize_t Tar::read(archive* tar, void* self, const void** buffer) {
  Tar& me = *static_cast<Tar*>(self);
  try {
    me.bytes_ = me.stream_.next();
    me.end_ += static_cast<std::int64_t>(me.bytes_.size());
    me.header_bytes_ += me.bytes_.size();
    if (me.in_header_ && me.header_bytes_ > kMostHeader) {
      throw Error("read the tar: an entry has more than 4 MiB before its contents", EFBIG);
    }
    *buffer = me.bytes_.data();
    return static_cast<la_ssize_t>(me.bytes_.size());
  } catch (...) {
    me.failure_ = std::current_exception();
    archive_set_error(tar, EIO, "the stream failed");
    return ARCHIVE_FATAL;
  }
}

void Tar::check(int result) {
  if (failure_) std::rethrow_exception(failure_);
  if (result == ARCHIVE_OK) return;
  const char* text = archive_error_string(tar_.get());
  throw Error(fmt::format("read the tar: {}", text != nullptr ? text : "it is damaged"), 0);
}

}  // namespace coracle::parts
