#include "image/words.hpp"

#include <cstring>
#include <optional>

#include "kernel/error.hpp"

namespace coracle::image {
namespace {

using kernel::Error;
using Words = std::vector<std::string>;

constexpr std::size_t kMostText = 1U << 20U;  // ${A}${A}... makes a short text long, and that again longer
constexpr int kDeepest = 32;                  // ${A:-${B:-${C}}}

enum class Form { words, one_word, lines };

bool is_blank(char c) { return std::strchr(" \t\r\n", c) != nullptr; }

bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

std::optional<std::string> value_of(const std::string& name, const Words& env) {
  for (const std::string& entry : env) {
    if (entry.size() > name.size() && entry.compare(0, name.size(), name) == 0 && entry[name.size()] == '=') {
      return entry.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

class Splitter {
 public:
  Splitter(const std::string& text, const Variables& variables, Form form, int depth = 0)
      : text_(text), variables_(variables), form_(form), depth_(depth) {
    if (depth > kDeepest) refuse("variables stand in variables too deep");
  }

  Words words() {
    while (at_ < text_.size()) take(text_[at_++]);
    if (quote_ != 0) refuse(std::string("the quote ") + quote_ + " is not closed");
    if (in_word_) words_.push_back(word_);
    return words_;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error("read \"" + text_.substr(0, 200) + "\"", 0, why);
  }

  void take(char c) {
    if (quote_ == 0 && form_ == Form::words && is_blank(c)) {
      if (in_word_) words_.push_back(word_);
      word_.clear();
      in_word_ = false;
      return;
    }
    in_word_ = true;
    const bool quotes = form_ != Form::lines;
    if (quotes && c == quote_) {
      quote_ = 0;
    } else if (quotes && quote_ == 0 && (c == '"' || c == '\'')) {
      quote_ = c;
    } else if (c == variables_.escape && quote_ != '\'' && at_ < text_.size()) {
      take_escaped(text_[at_++]);
    } else if (c == '$' && quote_ != '\'') {
      take_variable();
    } else {
      word_ += c;
    }
    if (word_.size() > kMostText) refuse("it becomes longer than 1 MiB");
  }

  // Between double quotes, and in lines, an escape is itself but before these.
  void take_escaped(char c) {
    const bool lines = form_ == Form::lines;
    const bool means_something = c == '$' || c == variables_.escape || (c == '"' && !lines);
    if ((quote_ == '"' || lines) && !means_something) word_ += variables_.escape;
    word_ += c;
  }

  void take_variable() {
    const bool braces = at_ < text_.size() && text_[at_] == '{';
    if (braces) ++at_;
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    const std::string name = text_.substr(begin, at_ - begin);
    const auto value = value_of(name, variables_.env);
    if (!braces) {
      word_ += name.empty() ? "$" : value.value_or("");
    } else if (!name.empty() && at_ < text_.size() && text_[at_] == '}') {
      ++at_;
      word_ += value.value_or("");
    } else {
      take_alternative(name, value);
    }
  }

  // ${NAME:-word} and ${NAME:+word}: an empty value counts as none. ${NAME-word} and ${NAME+word}: it counts.
  void take_alternative(const std::string& name, const std::optional<std::string>& value) {
    const bool colon = at_ < text_.size() && text_[at_] == ':';
    if (colon) ++at_;
    const char kind = at_ < text_.size() ? text_[at_++] : '\0';
    if (name.empty() || (kind != '-' && kind != '+'))
      refuse("a variable is written $NAME, ${NAME}, ${NAME:-word} or ${NAME:+word}");
    const std::string word = up_to_brace();
    const bool is_set = value && !(colon && value->empty());
    if (is_set && kind == '-') word_ += *value;
    if (is_set != (kind == '-')) {
      for (const std::string& one : Splitter(word, variables_, Form::one_word, depth_ + 1).words()) word_ += one;
    }
  }

  std::string up_to_brace() {
    const std::size_t begin = at_;
    for (int open = 1; at_ < text_.size(); ++at_) {
      if (text_[at_] == variables_.escape) {
        ++at_;
      } else if (text_[at_] == '{') {
        ++open;
      } else if (text_[at_] == '}' && --open == 0) {
        return text_.substr(begin, at_++ - begin);
      }
    }
    refuse("the brace of a variable is not closed");
  }

  const std::string text_;
  const Variables& variables_;
  Form form_;
  int depth_;
  std::size_t at_ = 0;
  char quote_ = 0;
  bool in_word_ = false;
  std::string word_;
  Words words_;
};

std::string first(const Words& words) { return words.empty() ? "" : words.front(); }

}  // namespace

Words split_words(const std::string& text, const Variables& variables) {
  return Splitter(text, variables, Form::words).words();
}

std::string one_word(const std::string& text, const Variables& variables) {
  return first(Splitter(text, variables, Form::one_word).words());
}

std::string expand_lines(const std::string& text, const Variables& variables) {
  return first(Splitter(text, variables, Form::lines).words());
}

}  // namespace coracle::image
