// What every decoder reads from, and the words in which it says that a stream is damaged.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/error.hpp"
#include "parts/unpack/decoder.hpp"

namespace coracle::parts {

inline kernel::Error damaged(const std::string& format, const std::string& what) {
  return {"decompress " + format + ": " + what, 0};
}

inline kernel::Error truncated(const std::string& format) { return damaged(format, "it is cut off before its end"); }

// The compressed bytes, in pieces.
class Input {
 public:
  explicit Input(Bytes bytes) : bytes_(std::move(bytes)), buffer_(256U << 10U) { refill(); }

  std::string_view rest;  // what was read and not used yet

  // Reads the next piece into `rest` once that is used up; false at the end.
  bool refill() {
    if (rest.empty()) rest = {buffer_.data(), bytes_(buffer_.data(), buffer_.size())};
    return !rest.empty();
  }

 private:
  Bytes bytes_;
  std::vector<char> buffer_;
};

// For gzip there are two: unpack/gzip.cpp on zlib, which everything static links, and isal/gzip.cpp on ISA-L, which is
// twice as fast and is there as a shared library alone; a program that is linked with that one gets it.
std::unique_ptr<Decoder> make_gzip_decoder(Input input);

}  // namespace coracle::parts
