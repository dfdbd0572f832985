#include "parts/unpack/decoder.hpp"

#include <string_view>
#include <utility>
#include <vector>

#include <lzma.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;

// What an xz stream may take of our memory; xz -9 needs 65 MiB (xz(1)). zstd has such a limit by itself (128 MiB).
constexpr std::uint64_t kMostMemory = 256ULL << 20U;

Error damaged(const std::string& format, const std::string& what) { return {"decompress " + format + ": " + what, 0}; }

Error truncated(const std::string& format) { return damaged(format, "it is cut off before its end"); }

// The file, in pieces.
class Input {
 public:
  explicit Input(const std::string& path) : fd_(kernel::open(path, O_RDONLY)), buffer_(256U << 10U) { refill(); }

  std::string_view rest;  // what was read and not used yet

  // Reads the next piece into `rest` once that is used up; false at the end of the file.
  bool refill() {
    if (!rest.empty()) return true;
    const auto call = [&] { return ::read(fd_.get(), buffer_.data(), buffer_.size()); };
    const ssize_t count = kernel::attempt(call, "read");
    rest = {buffer_.data(), static_cast<std::size_t>(count)};
    return count > 0;
  }

  bool starts_with(std::string_view magic, std::size_t at = 0) const {
    return rest.size() > at && rest.substr(at, magic.size()) == magic;
  }

 private:
  kernel::Fd fd_;
  std::vector<char> buffer_;
};

class Plain : public Decoder {
 public:
  explicit Plain(Input input) : input_(std::move(input)) {}

  std::size_t read(char* out, std::size_t size) override {
    std::size_t done = 0;
    while (done < size && input_.refill()) {
      const std::size_t count = input_.rest.copy(out + done, size - done);
      input_.rest.remove_prefix(count);
      done += count;
    }
    return done;
  }

 private:
  Input input_;
};

class Gzip : public Decoder {
 public:
  explicit Gzip(Input input) : input_(std::move(input)) {
    // 15: the largest window there is; 16: gzip's header and trailer, with CRC and length checked (zlib.h).
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) throw damaged("gzip", "no memory");
  }
  ~Gzip() override { inflateEnd(&stream_); }

  std::size_t read(char* out, std::size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out > 0) {
      if (!input_.refill()) {
        if (inside_member_) throw truncated("gzip");
        break;
      }
      step();
    }
    return size - stream_.avail_out;
  }

 private:
  void step() {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input_.rest.data()));
    stream_.avail_in = static_cast<uInt>(input_.rest.size());
    inside_member_ = true;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    input_.rest.remove_prefix(input_.rest.size() - stream_.avail_in);
    if (result == Z_STREAM_END) {
      inside_member_ = false;
      first_member_ = false;
      inflateReset(&stream_);  // what follows is a further member (RFC 1952, 2.2), or garbage
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      const bool garbage = !first_member_ && stream_.total_out == 0;
      throw damaged("gzip", garbage ? "something follows its end" : stream_.msg != nullptr ? stream_.msg : "no memory");
    }
  }

  Input input_;
  z_stream stream_{};
  bool inside_member_ = true;
  bool first_member_ = true;
};

class Zstd : public Decoder {
 public:
  explicit Zstd(Input input) : input_(std::move(input)), stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw damaged("zstd", "no memory");
  }
  ~Zstd() override { ZSTD_freeDStream(stream_); }

  std::size_t read(char* out, std::size_t size) override {
    ZSTD_outBuffer output{out, size, 0};
    while (output.pos < size) {
      // At the end of the input there may still be output inside; `wanted_` 0 says that a frame is complete.
      const bool more = input_.refill();
      if (!more && wanted_ == 0) break;
      ZSTD_inBuffer input{input_.rest.data(), input_.rest.size(), 0};
      const std::size_t before = output.pos;
      wanted_ = ZSTD_decompressStream(stream_, &output, &input);
      if (ZSTD_isError(wanted_) != 0) throw damaged("zstd", ZSTD_getErrorName(wanted_));
      input_.rest.remove_prefix(input.pos);
      if (!more && output.pos == before && wanted_ != 0) throw truncated("zstd");
    }
    return output.pos;
  }

 private:
  Input input_;
  ZSTD_DStream* stream_;
  std::size_t wanted_ = 1;
};

class Xz : public Decoder {
 public:
  explicit Xz(Input input) : input_(std::move(input)) {
    const std::uint32_t flags = LZMA_CONCATENATED | LZMA_TELL_UNSUPPORTED_CHECK;
    if (lzma_stream_decoder(&stream_, kMostMemory, flags) != LZMA_OK) throw damaged("xz", "no memory");
  }
  ~Xz() override { lzma_end(&stream_); }

  std::size_t read(char* out, std::size_t size) override {
    stream_.next_out = reinterpret_cast<std::uint8_t*>(out);
    stream_.avail_out = size;
    while (stream_.avail_out > 0 && !ended_) step();
    return size - stream_.avail_out;
  }

 private:
  void step() {
    const bool more = input_.refill();
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(input_.rest.data());
    stream_.avail_in = input_.rest.size();
    const lzma_ret result = lzma_code(&stream_, more ? LZMA_RUN : LZMA_FINISH);
    input_.rest.remove_prefix(input_.rest.size() - stream_.avail_in);
    ended_ = result == LZMA_STREAM_END;
    if (result == LZMA_BUF_ERROR) throw truncated("xz");
    if (result == LZMA_MEMLIMIT_ERROR) throw damaged("xz", "it needs more than 256 MiB of memory");
    if (result == LZMA_FORMAT_ERROR) throw damaged("xz", "something follows its end");
    if (result == LZMA_UNSUPPORTED_CHECK) throw damaged("xz", "it has a kind of checksum that is not known here");
    if (result != LZMA_OK && !ended_) throw damaged("xz", "its content is not what its checksums say");
  }

  Input input_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<Decoder> open_decoder(const std::string& path) {
  using namespace std::string_view_literals;
  Input input(path);
  if (input.starts_with("\x1f\x8b"sv)) return std::make_unique<Gzip>(std::move(input));
  const bool skippable = input.starts_with("\x2a\x4d\x18"sv, 1);  // a zstd frame without content (RFC 8878, 3.1.2)
  if (skippable || input.starts_with("\x28\xb5\x2f\xfd"sv)) return std::make_unique<Zstd>(std::move(input));
  if (input.starts_with("\xfd"
                        "7zXZ\0"sv)) {
    return std::make_unique<Xz>(std::move(input));
  }
  return std::make_unique<Plain>(std::move(input));
}

}  // namespace coracle::parts
