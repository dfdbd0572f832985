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
}

std::string errno_text(int code) {
  const char* name = strerrorname_np(code);
  return fmt::format("{} ({})", name != nullptr ? name : "errno",
                     strerrordesc_np(code) != nullptr ? strerrordesc_np(code) : std::to_string(code));
}

}  // namespace coracle::kernel
