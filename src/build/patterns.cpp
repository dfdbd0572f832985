#include "build/patterns.hpp"

#include <algorithm>

#include "kernel/error.hpp"

namespace coracle::build {
namespace {

constexpr std::size_t kMostRules = 10'000;

using Parts = std::vector<std::string>;

// One character of the name against the front of the pattern. Gives how much of the pattern that is; 0: no match.
std::size_t matches_one(std::string_view pattern, char c) {
  if (pattern[0] == '?') return 1;
  if (pattern[0] == '\\' && pattern.size() > 1) return pattern[1] == c ? 2 : 0;
  if (pattern[0] != '[') return pattern[0] == c ? 1 : 0;
  std::size_t at = 1;
  const bool negated = at < pattern.size() && (pattern[at] == '^' || pattern[at] == '!');
  if (negated) ++at;
  bool found = false;
  const std::size_t begin = at;
  const auto next = [&] {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    return static_cast<unsigned char>(pattern[at++]);
  };
  while (at < pattern.size() && (pattern[at] != ']' || at == begin)) {
    const unsigned char low = next();
    unsigned char high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      ++at;
      high = next();
    }
    found = found || (low <= static_cast<unsigned char>(c) && static_cast<unsigned char>(c) <= high);
  }
  if (at >= pattern.size()) return 0;  // a [ that is not closed matches nothing
  return found != negated ? at + 1 : 0;
}

// What ** stands for is any number of directories, none among them. Row by row, so that no pattern takes long.
bool matches_parts(const Parts& pattern, const Parts& path, std::size_t length) {
  std::vector<char> reached(length + 1, 0);  // whether the pattern so far matches so many parts of the path
  reached[0] = 1;
  for (const std::string& part : pattern) {
    std::vector<char> next(length + 1, 0);
    bool any = false;
    for (std::size_t i = 0; i <= length; ++i) {
      if (part == "**") {
        any = any || reached[i] != 0;
        next[i] = any ? 1 : 0;
      } else if (i > 0 && reached[i - 1] != 0 && matches(part, path[i - 1])) {
        next[i] = 1;
      }
    }
    reached = std::move(next);
  }
  return reached[length] != 0;
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  return begin == std::string_view::npos ? "" : text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

}  // namespace

// Only the last * is ever taken back.
bool matches(std::string_view pattern, std::string_view name) {
  std::size_t at = 0;
  std::size_t in = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_in = 0;
  while (in < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      star_in = in;
      continue;
    }
    const std::size_t used = at < pattern.size() ? matches_one(pattern.substr(at), name[in]) : 0;
    if (used > 0) {
      at += used;
      ++in;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in = ++star_in;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

bool has_wildcards(std::string_view text) { return text.find_first_of("*?[\\") != std::string_view::npos; }

Parts path_parts(std::string_view path) {
  Parts parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.emplace_back(part);
    }
  }
  return parts;
}

Ignore::Ignore(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('#')) continue;
    line = trim(line);
    Rule rule;
    if (line.starts_with('!')) {
      rule.exception = true;
      line = trim(line.substr(1));
    }
    rule.parts = path_parts(line);
    if (rule.parts.empty()) continue;
    exceptions_ = exceptions_ || rule.exception;
    rules_.push_back(std::move(rule));
    if (rules_.size() > kMostRules) throw kernel::Error("read .dockerignore", 0, "it has more than 10000 rules");
  }
}

bool Ignore::ignores(const std::string& path) const {
  const Parts parts = path_parts(path);
  bool ignored = false;
  for (const Rule& rule : rules_) {
    if (rule.exception != ignored) continue;  // it would change nothing
    for (std::size_t length = parts.size(); length > 0; --length) {
      if (!matches_parts(rule.parts, parts, length)) continue;
      ignored = !rule.exception;
      break;
    }
  }
  return ignored;
}

}  // namespace coracle::build
