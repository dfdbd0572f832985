#include "build/heredoc.hpp"

#include <algorithm>
#include <cctype>

namespace coracle::build {

std::vector<Announced> announced(const std::string& text) {
  std::vector<Announced> found;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && quote != '\'') {
      ++i;
    } else if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (text.compare(i, 3, "<<<") == 0) {
      i += 2;
    } else if (text.compare(i, 2, "<<") == 0) {
      Announced one;
      std::size_t begin = i + 2;
      if (begin < text.size() && text[begin] == '-') {
        one.strip_tabs = true;
        ++begin;
      }
      const char mark = begin < text.size() && (text[begin] == '"' || text[begin] == '\'') ? text[begin] : '\0';
      if (mark != 0) ++begin;
      std::size_t end = begin;
      while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_' ||
                                   text[end] == '.' || text[end] == '-')) {
        ++end;
      }
      i = std::max(end, i + 2) - 1;
      if (end == begin || (mark != 0 && (end == text.size() || text[end] != mark))) continue;
      if (mark != 0) ++i;
      one.document.name = text.substr(begin, end - begin);
      one.document.expand = mark == 0;
      found.push_back(std::move(one));
    }
  }
  return found;
}

}  // namespace coracle::build
