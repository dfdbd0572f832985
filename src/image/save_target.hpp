// Where the files of images are written to: a tar, whose bytes depend on nothing but them, or a directory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "kernel/fd.hpp"

namespace coracle::image {

class Target {
 public:
  virtual ~Target() = default;
  // The next file; all of its bytes come in write().
  virtual void begin(const std::string& name, std::uint64_t size) = 0;
  virtual void write(std::string_view bytes) = 0;
  // Behind the last file.
  virtual void finish() {}
};

// Each begins with the directories of a layout, blobs/sha256.
std::unique_ptr<Target> make_tar_target(const kernel::Fd& file);
std::unique_ptr<Target> make_directory_target(const std::string& path);

}  // namespace coracle::image
