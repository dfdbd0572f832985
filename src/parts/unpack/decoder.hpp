// Compressed bytes to plain ones: gzip (RFC 1952), zstd (RFC 8878), xz, or none. Chosen by the first bytes, not by
// the file's name. Stricter than the programs of these names: the checksums must be right, the end must be there,
// and nothing may follow it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace coracle::parts {

class Decoder {
 public:
  virtual ~Decoder() = default;
  // Fills `out` and gives how many bytes that were: less than `size` only at the end of the stream.
  virtual std::size_t read(char* out, std::size_t size) = 0;
};

// Throws kernel::Error when the file cannot be opened; read() throws it when the stream is damaged.
std::unique_ptr<Decoder> open_decoder(const std::string& path);

}  // namespace coracle::parts
