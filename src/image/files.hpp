// The files that images come in: a directory, or a tar that is read where it lies. Whoever made them is not trusted:
// only a regular file is read, under exactly the name that was asked for, and no link leads out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "kernel/fd.hpp"
#include "parts/unpack/decoder.hpp"

namespace coracle::image {

// The bytes of one file: a piece of what is open.
struct Extent {
  std::shared_ptr<const kernel::Fd> file;
  std::uint64_t begin = 0, size = 0;
};

parts::Bytes bytes_of(const Extent& extent, std::uint64_t offset = 0);

class Files {
 public:
  virtual ~Files() = default;

  // The file of that name ("blobs/sha256/HEX"); nothing when there is none. Called from several threads. Throws Error
  // when what has the name is no regular file.
  virtual std::optional<Extent> find(const std::string& name) const = 0;

  // The same for what must be there.
  Extent get(const std::string& name) const;

  // All of its bytes, at most kMostDocument of them.
  std::string read(const std::string& name) const;
};

std::unique_ptr<Files> open_directory(const std::string& path);

// `file` is a plain tar in a regular file. Throws Error when it is damaged, has more than 100 000 entries, or two of
// one name.
std::unique_ptr<Files> open_tar(kernel::Fd file);

}  // namespace coracle::image
