#include "cli/template_cursor.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "kernel/error.hpp"

namespace coracle::cli {

bool TemplateCursor::is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0;
}

void TemplateCursor::fail(const std::string& what) const {
  throw kernel::Error("read the template \"" + text_ + "\"", 0, what).with_status(1);
}

nlohmann::ordered_json TemplateCursor::read_number() {
  const char* begin = text_.data() + at_ + (peek() == '+' ? 1 : 0);
  const char* end = text_.data() + text_.size();
  std::int64_t whole = 0;
  auto read = std::from_chars(begin, end, whole);
  nlohmann::ordered_json number = whole;
  if (read.ec == std::errc() && read.ptr != end && (*read.ptr == '.' || *read.ptr == 'e')) {
    double real = 0;
    read = std::from_chars(begin, end, real);
    number = real;
  }
  if (read.ec != std::errc()) fail(some() + " is no number");
  at_ = static_cast<std::size_t>(read.ptr - text_.data());
  return number;
}

std::string TemplateCursor::read_quoted() {
  std::string value;
  for (++at_; peek() != '"'; ++at_) {
    if (at_ == text_.size() || peek() == '\n') fail("a \" is not closed");
    if (peek() != '\\') {
      value += peek();
      continue;
    }
    ++at_;
    constexpr std::string_view kLetters = "ntr\"\\'", kMeant = "\n\t\r\"\\'";
    const std::size_t known = kLetters.find(peek());
    if (known == std::string_view::npos) fail(std::string("\"\\") + peek() + "\" stands for nothing");
    value += kMeant[known];
  }
  ++at_;
  return value;
}

std::string TemplateCursor::read_raw() {
  const std::size_t end = text_.find('`', at_ + 1);
  if (end == std::string::npos) fail("a ` is not closed");
  std::string value = text_.substr(at_ + 1, end - at_ - 1);
  at_ = end + 1;
  return value;
}

std::string TemplateCursor::take_name() {
  const std::size_t begin = at_;
  while (is_name(peek())) ++at_;
  return text_.substr(begin, at_ - begin);
}

bool TemplateCursor::take(char c) {
  skip_blanks();
  if (peek() != c) return false;
  ++at_;
  return true;
}

void TemplateCursor::skip_blanks() { at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size()); }

}  // namespace coracle::cli
