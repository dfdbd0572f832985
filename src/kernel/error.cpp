#include "kernel/error.hpp"

#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace coracle::kernel {

Error::Error(std::string attempt, int code, std::string hint)
    : attempt_(std::move(attempt)), hint_(std::move(hint)), code_(code) {
  compose();
}

Error& Error::with_status(int status) {
  status_ = status;
  return *this;
}

Error& Error::with_hint(std::string hint) {
  hint_ = std::move(hint);
  compose();
  return *this;
}

void Error::compose() {
  text_ = attempt_;
  if (code_ != 0) text_ += ": " + errno_text(code_);
  if (!hint_.empty()) text_ += ": " + hint_;
  text_ = printable(text_);
}

std::string printable(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : '\0');
    const bool c1 = byte == 0xc2 && next >= 0x80 && next < 0xa0;  // U+0080 to U+009F in UTF-8: control characters too
    if (byte == '\n' || byte == '\t') {
      result += byte == '\n' ? "\\n" : "\\t";
    } else if (byte < ' ' || byte == 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else if (c1) {
      result += fmt::format("\\x{:02x}", next);
      ++i;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string errno_text(int code) {
  const char* name = strerrorname_np(code);
  return fmt::format("{} ({})", name != nullptr ? name : "errno",
                     strerrordesc_np(code) != nullptr ? strerrordesc_np(code) : std::to_string(code));
}

}  // namespace coracle::kernel
