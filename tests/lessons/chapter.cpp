#include "lessons/chapter.hpp"

#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "support/support.hpp"

namespace coracle::test {
namespace {

constexpr std::string_view kAny = "[...]";

std::string without_trailing_spaces(std::string line) {
  line.erase(line.find_last_not_of(" \t\r") + 1);
  return line;
}

// The ARGUMENT of a line `<!-- NAME: ARGUMENT -->`; "" for `<!-- NAME -->`.
std::optional<std::string> marker(const std::string& line, const std::string& name) {
  const std::string begin = "<!-- " + name;
  if (!line.starts_with(begin) || !line.ends_with(" -->")) return std::nullopt;
  const std::string rest = line.substr(begin.size(), line.size() - begin.size() - 4);
  if (rest.empty()) return rest;
  if (!rest.starts_with(": ")) return std::nullopt;
  return rest.substr(2);
}

// Goes through a chapter line by line.
class Reader {
 public:
  explicit Reader(const std::string& path) : lines_(lines_of_source(path)) { chapter_.path = path; }

  Chapter read() {
    while (next_ < lines_.size()) {
      const std::string& line = lines_[next_++];
      if (line.starts_with("```")) {
        read_block(line.substr(3));
      } else {
        if (line.starts_with("#")) chapter_.headings.push_back(line);
        read_links(line);
      }
    }
    return chapter_;
  }

 private:
  void slip(const std::string& what) { chapter_.slips.push_back(fmt::format("{}:{}: {}", chapter_.path, next_, what)); }

  void read_block(const std::string& language) {
    const std::string above = next_ >= 2 ? lines_[next_ - 2] : "";
    const auto quote = marker(above, "quote");
    const auto run = marker(above, "run");
    const auto not_run = marker(above, "not run");
    if (quote && language != "cpp") slip("a quote stands in a ```cpp block");
    if (run && language != "console") slip("commands stand in a ```console block");
    const bool is_lesson = chapter_.path.starts_with("lessons/");
    if (is_lesson && language == "console" && !run && !not_run)
      slip("commands need a line <!-- run --> directly above them");
    const std::size_t begin = next_;
    while (next_ < lines_.size() && lines_[next_] != "```") ++next_;
    if (next_ == lines_.size()) slip("the block has no end");
    const std::vector<std::string> text(lines_.begin() + static_cast<long>(begin),
                                        lines_.begin() + static_cast<long>(next_));
    if (quote) chapter_.quotes.push_back({begin + 1, *quote, text});
    if (run) read_commands(begin + 1, *run, text);
    ++next_;
  }

  void read_commands(std::size_t line, const std::string& condition, const std::vector<std::string>& text) {
    const bool without_root = condition.starts_with("without root");
    const std::size_t needed = condition.find("needs ");
    const std::string needs = needed != std::string::npos ? condition.substr(needed + 6) : "";
    if (needs.empty() && !condition.empty() && !without_root)
      slip("<!-- run -->, <!-- run: needs FEATURE --> or <!-- run: without root[, needs FEATURE] -->");
    Command* command = nullptr;
    for (const std::string& written : text) {
      if (written.starts_with("$ ")) {
        command = &chapter_.commands.emplace_back(Command{line, written.substr(2), needs, without_root, {}});
      } else if (command == nullptr) {
        slip("the block begins with a command: $ ...");
      } else if (written.starts_with("> ") && command->output.empty()) {
        command->text += "\n" + written.substr(2);
      } else {
        command->output.push_back(without_trailing_spaces(written));
      }
      ++line;
    }
  }

  // [text](target), <img src="target">, <a href="target">; not what stands between backquotes.
  void read_links(const std::string& line) {
    std::string bare;
    bool code = false;
    for (const char letter : line) {
      if (letter == '`') code = !code;
      if (!code) bare += letter;
    }
    read_targets(bare, "](", ')');
    read_targets(bare, "src=\"", '"');
    read_targets(bare, "href=\"", '"');
  }

  void read_targets(const std::string& line, const std::string& begin, char end) {
    for (std::size_t at = line.find(begin); at != std::string::npos; at = line.find(begin, at + 1)) {
      const std::size_t from = at + begin.size();
      chapter_.links.push_back({next_, line.substr(from, line.find_first_of(std::string(1, end) + " ", from) - from)});
    }
  }

  std::vector<std::string> lines_;
  std::size_t next_ = 0;
  Chapter chapter_;
};

bool line_matches(std::string_view expected, std::string_view got) {
  const std::size_t any = expected.find(kAny);
  if (any == std::string_view::npos) return expected == got;
  if (!got.starts_with(expected.substr(0, any))) return false;
  const std::string_view rest = expected.substr(any + kAny.size());
  for (std::size_t from = any; from <= got.size(); ++from) {
    if (line_matches(rest, got.substr(from))) return true;
  }
  return false;
}

// The numbers of lines of `got` that the first `count` lines of `expected` may stand for.
std::set<std::size_t> step(const std::set<std::size_t>& before, const std::string& line,
                           const std::vector<std::string>& got) {
  std::set<std::size_t> after;
  for (const std::size_t at : before) {
    if (line == kAny) {
      for (std::size_t end = at; end <= got.size(); ++end) after.insert(end);
    } else if (at < got.size() && line_matches(line, without_trailing_spaces(got[at]))) {
      after.insert(at + 1);
    }
  }
  return after;
}

}  // namespace

Chapter read_chapter(const std::string& path) { return Reader(path).read(); }

std::string anchor(const std::string& heading) {
  std::string result;
  for (const char letter : heading.substr(heading.find_first_not_of("# "))) {
    const auto byte = static_cast<unsigned char>(letter);
    if (std::isalnum(byte) || letter == '-' || letter == '_' || byte >= 0x80)
      result += static_cast<char>(std::tolower(byte));
    if (letter == ' ') result += '-';
  }
  return result;
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> lines_of_source(const std::string& path) {
  std::ifstream file(source(path));
  INFO(path);
  REQUIRE(file.good());
  return split_lines({std::istreambuf_iterator<char>(file), {}});
}

std::size_t matching_lines(const std::vector<std::string>& expected, const std::vector<std::string>& got) {
  std::set<std::size_t> ends = {0};
  for (std::size_t count = 0; count < expected.size(); ++count) {
    ends = step(ends, expected[count], got);
    if (ends.empty()) return count;
  }
  return expected.size();
}

bool matches(const std::vector<std::string>& expected, const std::vector<std::string>& got) {
  std::set<std::size_t> ends = {0};
  for (const std::string& line : expected) ends = step(ends, line, got);
  return ends.contains(got.size());
}

}  // namespace coracle::test
