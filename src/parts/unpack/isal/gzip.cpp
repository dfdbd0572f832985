// gzip by Intel's ISA-L (igzip_lib.h): the same as unpack/gzip.cpp in half the time. Debian has it as a shared library
// alone, so the programs that start containers, which are static, have zlib instead.
#include <isa-l/igzip_lib.h>

#include "parts/unpack/input.hpp"

namespace coracle::parts {
namespace {

class Gzip : public Decoder {
 public:
  explicit Gzip(Input input) : input_(std::move(input)) {
    isal_inflate_init(&state_);
    begin_member();
  }

  std::size_t read(char* out, std::size_t size) override {
    state_.next_out = reinterpret_cast<std::uint8_t*>(out);
    state_.avail_out = static_cast<std::uint32_t>(size);
    while (state_.avail_out > 0) {
      const bool more = input_.refill();
      if (ended_) {
        if (!more) break;
        begin_member();  // what follows is a further member (RFC 1952, 2.2), or garbage
        first_member_ = false;
      }
      step(more);
    }
    return size - state_.avail_out;
  }

 private:
  void begin_member() {
    isal_inflate_reset(&state_);
    state_.crc_flag = ISAL_GZIP;  // gzip's header and trailer, with CRC and length checked
    ended_ = false;
    member_started_ = false;
  }

  void step(bool more) {
    state_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(input_.rest.data()));
    state_.avail_in = static_cast<std::uint32_t>(input_.rest.size());
    const std::uint32_t room = state_.avail_out;
    const int result = isal_inflate(&state_);
    input_.rest.remove_prefix(input_.rest.size() - state_.avail_in);
    const bool garbage = !first_member_ && !member_started_;
    if (result == ISAL_INCORRECT_CHECKSUM) throw damaged("gzip", "incorrect data check");
    if (result < 0) throw damaged("gzip", garbage ? "something follows its end" : "its content is not valid");
    ended_ = state_.block_state == ISAL_BLOCK_FINISH;
    member_started_ = member_started_ || state_.avail_out < room;
    if (!ended_ && !more && state_.avail_out == room) throw truncated("gzip");
  }

  Input input_;
  inflate_state state_{};
  bool ended_ = false;  // the member, with its trailer
  bool first_member_ = true;
  bool member_started_ = false;  // something has come out of it
};

}  // namespace

std::unique_ptr<Decoder> make_gzip_decoder(Input input) { return std::make_unique<Gzip>(std::move(input)); }

}  // namespace coracle::parts
