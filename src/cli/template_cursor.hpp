// A place in the text of a template, and the words that stand there: names, numbers, quoted texts.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace coracle::cli {

class TemplateCursor {
 protected:
  static constexpr std::string_view kBlanks = " \t\r\n";

  explicit TemplateCursor(const std::string& text) : text_(text) {}

  [[noreturn]] void fail(const std::string& what) const;

  void skip_blanks();
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool stands(std::string_view word) const { return text_.compare(at_, word.size(), word) == 0; }
  std::string some() const { return "\"" + text_.substr(at_, 12) + "\""; }  // of what stands there, for an error

  // Goes behind that, when it comes next but for blanks.
  bool take(char c);

  std::string take_name();  // "" when none stands there
  std::string read_quoted();
  std::string read_raw();
  nlohmann::ordered_json read_number();

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_name(char c);

  const std::string& text_;
  std::size_t at_ = 0;
};

}  // namespace coracle::cli
