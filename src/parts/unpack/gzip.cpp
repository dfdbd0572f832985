// gzip by zlib (RFC 1952, zlib.h).
#include <zlib.h>

#include "parts/unpack/input.hpp"

namespace coracle::parts {
namespace {

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

}  // namespace

std::unique_ptr<Decoder> make_gzip_decoder(Input input) { return std::make_unique<Gzip>(std::move(input)); }

}  // namespace coracle::parts
