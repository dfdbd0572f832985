#include "registry/challenge.hpp"

#include <algorithm>

namespace coracle::registry {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool take(char c) {
    skip(" \t");
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip(const char* what) { rest_.remove_prefix(std::min(rest_.find_first_not_of(what), rest_.size())); }

  std::string token() {
    skip(" \t");
    const std::size_t end = std::min(rest_.find_first_of(" \t,=\""), rest_.size());
    std::string text(rest_.substr(0, end));
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    rest_.remove_prefix(end);
    return text;
  }

  // A token, or text in quotes in which \ makes the next character a plain one.
  std::string value() {
    skip(" \t");
    std::string text;
    if (!rest_.starts_with('"')) {
      const std::size_t end = std::min(rest_.find_first_of(" \t,"), rest_.size());
      text = rest_.substr(0, end);
      rest_.remove_prefix(end);
      return text;
    }
    for (rest_.remove_prefix(1); !rest_.empty() && rest_.front() != '"'; rest_.remove_prefix(1)) {
      if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      text += rest_.front();
    }
    if (!rest_.empty()) rest_.remove_prefix(1);
    return text;
  }

 private:
  std::string_view rest_;
};

}  // namespace

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> challenges;
  Scanner scanner(header);
  for (std::string name = scanner.token(); !name.empty(); scanner.skip(", \t"), name = scanner.token()) {
    if (!scanner.take('=')) {
      challenges.push_back({.scheme = name, .values = {}});
    } else if (!challenges.empty()) {
      challenges.back().values.emplace(name, scanner.value());
    }
  }
  return challenges;
}

}  // namespace coracle::registry
