// Compressed bytes to plain ones: gzip (RFC 1952), zstd (RFC 8878), xz, or none. Chosen by the first bytes, not by
// the file's name. Stricter than the programs of these names: the checksums must be right, the end must be there,
// and nothing may follow it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace coracle::parts {

// Where an archive's bytes come from: fills the buffer and gives how many bytes that were; 0 is the end.
using Bytes = std::function<std::size_t(char* buffer, std::size_t size)>;

// The bytes of a file, which is opened when the first of them is asked for.
Bytes bytes_of(const std::string& path);

// What the first bytes of a stream say.
enum class Compression { none, gzip, zstd, xz };
Compression compression_of(std::string_view start);

class Decoder {
 public:
  virtual ~Decoder() = default;
  // Fills `out` and gives how many bytes that were: less than `size` only at the end of the stream.
  virtual std::size_t read(char* out, std::size_t size) = 0;
};

// Its read() throws kernel::Error when the stream is damaged.
std::unique_ptr<Decoder> open_decoder(Bytes compressed);

}  // namespace coracle::parts
