#include "parts/unpack/decoder.hpp"

#include <string_view>
#include <utility>
#include <vector>

#include <lzma.h>
#include <unistd.h>
#include <zstd.h>

#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"
#include "parts/unpack/input.hpp"

namespace coracle::parts {
namespace {

// What a stream may take of our memory, of which four may be open at once: xz -9 needs 65 MiB (xz(1)) and is no layer's
// format; zstd's levels up to 19 need windows of 8 MiB (zstd(1), --ultra).
constexpr std::uint64_t kMostMemory = 72ULL << 20U;
constexpr int kMostWindowLog = 24;

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

class Zstd : public Decoder {
 public:
  explicit Zstd(Input input) : input_(std::move(input)), stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw damaged("zstd", "no memory");
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kMostWindowLog);
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
    if (result == LZMA_MEMLIMIT_ERROR) throw damaged("xz", "it needs more than 72 MiB of memory");
    if (result == LZMA_FORMAT_ERROR) throw damaged("xz", "something follows its end");
    if (result == LZMA_UNSUPPORTED_CHECK) throw damaged("xz", "it has a kind of checksum that is not known here");
    if (result != LZMA_OK && !ended_) throw damaged("xz", "its content is not what its checksums say");
  }

  Input input_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ended_ = false;
};

}  // namespace

Bytes bytes_of(const std::string& path) {
  return [path, fd = std::shared_ptr<kernel::Fd>()](char* buffer, std::size_t size) mutable {
    if (!fd) fd = std::make_shared<kernel::Fd>(kernel::open(path, O_RDONLY));
    return static_cast<std::size_t>(kernel::attempt([&] { return ::read(fd->get(), buffer, size); }, "read"));
  };
}

Compression compression_of(std::string_view start) {
  using namespace std::string_view_literals;
  if (start.starts_with("\x1f\x8b"sv)) return Compression::gzip;
  const bool skippable = start.size() > 4 && start.substr(1, 3) == "\x2a\x4d\x18"sv;   // a zstd frame without content
  if (skippable || start.starts_with("\x28\xb5\x2f\xfd"sv)) return Compression::zstd;  // (RFC 8878, 3.1.2)
  if (start.starts_with("\xfd\x37zXZ\0"sv)) return Compression::xz;
  return Compression::none;
}

std::unique_ptr<Decoder> open_decoder(Bytes compressed) {
  Input input(std::move(compressed));
  switch (compression_of(input.rest)) {
    case Compression::gzip:
      return make_gzip_decoder(std::move(input));
    case Compression::zstd:
      return std::make_unique<Zstd>(std::move(input));
    case Compression::xz:
      return std::make_unique<Xz>(std::move(input));
    case Compression::none:
      break;
  }
  return std::make_unique<Plain>(std::move(input));
}

}  // namespace coracle::parts
