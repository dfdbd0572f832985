#include "launch/detach_keys.hpp"

#include <algorithm>
#include <optional>

#include "kernel/error.hpp"

namespace coracle::launch {
namespace {

// ASCII: ctrl-@ is 0, ctrl-a is 1, and so on in the order of the alphabet's column.
std::optional<char> key(std::string_view word) {
  constexpr std::string_view kControls = "@abcdefghijklmnopqrstuvwxyz[\\]^_";
  constexpr std::string_view kPrefix = "ctrl-";
  if (word.size() == 1) return word[0];
  if (word == "DEL") return '\x7f';
  if (word.size() != kPrefix.size() + 1 || !word.starts_with(kPrefix)) return std::nullopt;
  const std::size_t at = kControls.find(word.back());
  if (at == std::string_view::npos) return std::nullopt;
  return static_cast<char>(at);
}

}  // namespace

DetachKeys::DetachKeys(const std::string& text) {
  const std::string words = text.empty() ? "ctrl-p,ctrl-q" : text;
  for (std::size_t begin = 0; begin <= words.size();) {
    const std::size_t end = std::min(words.find(',', begin), words.size());
    const auto code = key(std::string_view(words).substr(begin, end - begin));
    if (!code) {
      throw kernel::Error("read the detach keys \"" + text + "\"", 0,
                          "write keys with commas between them: a single character, ctrl-a to ctrl-z, ctrl-@ ctrl-[ "
                          "ctrl-\\ ctrl-] ctrl-^ ctrl-_ or DEL");
    }
    keys_ += *code;
    begin = end + 1;
  }
}

std::string DetachKeys::pass(std::string_view typed) {
  std::string passed;
  for (const char byte : typed) {
    if (complete()) break;
    held_ += byte;
    // What cannot become the sequence any more goes on, byte by byte: its rest may begin the sequence anew.
    while (keys_.compare(0, held_.size(), held_) != 0) {
      passed += held_.front();
      held_.erase(0, 1);
    }
  }
  return passed;
}

}  // namespace coracle::launch
