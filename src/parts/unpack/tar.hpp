// The entries of a tar, read by libarchive, which knows the dialects: ustar, pax, GNU, v7, all forms of sparse files.
// Compression is not its business here (unpack/decoder.hpp).
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string_view>

#include <archive.h>
#include <archive_entry.h>

#include "parts/unpack/stream.hpp"

namespace coracle::parts {

class Tar {
 public:
  explicit Tar(Stream& stream);
  Tar(const Tar&) = delete;
  Tar& operator=(const Tar&) = delete;

  // The next entry, or nullptr behind the last.
  archive_entry* next();
  // As the archive has it: bytes up to the first NUL. Throws when there is no name.
  static std::string_view name(archive_entry* entry);
  // The next piece of the entry's contents and where in the file it belongs; false behind the last.
  bool next_data(std::string_view& bytes, std::int64_t& offset);
  // Reads what follows the end-of-archive marker, up to the end of the stream.
  void finish();

 private:
  static la_ssize_t read(archive*, void* self, const void** buffer);
  void check(int result);

  struct Free {
    void operator()(archive* tar) const { archive_read_free(tar); }
  };

  Stream& stream_;
  std::unique_ptr<archive, Free> tar_;
  std::string_view bytes_;  // what libarchive has in its hands
  std::int64_t end_ = 0;    // where they end in the stream
  bool began_ = false;
  bool in_header_ = false;
  std::size_t header_bytes_ = 0;  // read since the header began
  std::exception_ptr failure_;    // of the stream: no exception may pass through libarchive
};

}  // namespace coracle::parts
