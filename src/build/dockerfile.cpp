#include "build/dockerfile.hpp"

#include <algorithm>
#include <cctype>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "build/heredoc.hpp"
#include "kernel/error.hpp"

namespace coracle::build {
namespace {

using kernel::Error;

constexpr std::string_view kBlanks = " \t\r";

std::string_view trim_left(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text;
}

std::string_view trim(std::string_view text) {
  text = trim_left(text);
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

bool is_instruction(const std::string& name) {
  static const std::set<std::string> names = {"ADD",    "ARG",  "CMD",    "COPY",       "ENTRYPOINT",  "ENV",
                                              "EXPOSE", "FROM", "LABEL",  "MAINTAINER", "ONBUILD",     "RUN",
                                              "SHELL",  "USER", "VOLUME", "WORKDIR",    "HEALTHCHECK", "STOPSIGNAL"};
  return names.contains(name);
}

bool has_heredocs(const std::string& name) { return name == "RUN" || name == "COPY" || name == "ADD"; }

bool has_flags(const std::string& name) { return has_heredocs(name) || name == "FROM" || name == "HEALTHCHECK"; }

// Takes --NAME[=VALUE] off the front of the text, as often as there is one.
void take_flags(Instruction& instruction) {
  std::string_view text = instruction.text;
  while (text.starts_with("--")) {
    const std::size_t end = std::min(text.find_first_of(" \t\n"), text.size());
    const std::string_view flag = text.substr(2, end - 2);
    text = trim_left(text.substr(end));
    if (flag.empty()) break;
    const std::size_t equals = std::min(flag.find('='), flag.size());
    const std::string_view value = equals < flag.size() ? flag.substr(equals + 1) : "";
    instruction.flags.emplace_back(flag.substr(0, equals), value);
  }
  instruction.text = std::string(text);
}

class Reader {
 public:
  Reader(std::string_view text, std::string name) : rest_(text), name_(std::move(name)) {}

  Dockerfile read() {
    if (rest_.size() > kMostBytes) throw Error("read " + name_, 0, "it is longer than 4 MiB");
    if (rest_.find('\0') != std::string_view::npos) throw Error("read " + name_, 0, "it is no text: it has NUL bytes");
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);  // a byte order mark
    directives();
    while (!rest_.empty()) instruction();
    if (read_.instructions.empty()) throw Error("read " + name_, 0, "it has no instructions");
    return std::move(read_);
  }

 private:
  std::string_view line() {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    std::string_view taken = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++line_;
    if (taken.ends_with('\r')) taken.remove_suffix(1);
    return taken;
  }

  [[noreturn]] void refuse(std::size_t at, const std::string& what, const std::string& hint) const {
    throw Error(fmt::format("{}:{}: {}", name_, at, kernel::printable(what.substr(0, 200))), 0, hint);
  }

  // "# name=value" before anything else. The others that docker knows say nothing about what is built.
  void directives() {
    std::set<std::string> seen;
    while (true) {
      const std::string_view before = rest_;
      const std::string_view taken = trim(line());
      const std::size_t equals = taken.find('=');
      std::string name(taken.starts_with('#') && equals != std::string_view::npos ? trim(taken.substr(1, equals - 1))
                                                                                  : std::string_view());
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      if (name != "escape" && name != "syntax" && name != "check") {
        rest_ = before;
        --line_;
        return;
      }
      if (!seen.insert(name).second) refuse(line_, "# " + name, "the directive may stand there once");
      if (name != "escape") continue;
      const std::string_view value = trim(taken.substr(equals + 1));
      if (value != "\\" && value != "`") refuse(line_, std::string(taken), "the escape is \\ or `");
      read_.escape = value[0];
    }
  }

  void instruction() {
    const std::string_view first = trim(line());
    if (first.empty() || first[0] == '#') return;
    const std::size_t at = line_;
    std::string text = continued(first);
    Instruction made = split(text, at);
    if (has_heredocs(made.name)) {
      for (Announced& one : announced(made.text)) made.heredocs.push_back(document(std::move(one), at));
    }
    if (read_.instructions.size() == kMostInstructions)
      refuse(at, made.name, fmt::format("a Dockerfile has at most {} instructions", kMostInstructions));
    read_.instructions.push_back(std::move(made));
  }

  // The line with those that continue it; among these, comments and empty lines are left out.
  std::string continued(std::string_view first) {
    std::string text(first);
    while (ends_with_escape(text) && !rest_.empty()) {
      text.resize(text.find_last_not_of(kBlanks));
      while (!rest_.empty()) {
        const std::string_view next = line();
        const std::string_view trimmed = trim(next);
        if (trimmed.empty() || trimmed[0] == '#') continue;
        text += next;
        break;
      }
    }
    if (ends_with_escape(text)) text.resize(text.find_last_not_of(kBlanks));
    return text;
  }

  // An escape before the end of the line, blanks aside.
  bool ends_with_escape(std::string_view text) const {
    const std::size_t last = text.find_last_not_of(kBlanks);
    return last != std::string_view::npos && text[last] == read_.escape;
  }

  Instruction split(const std::string& text, std::size_t at) const {
    Instruction made;
    made.line = at;
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    made.name = text.substr(0, end);
    std::transform(made.name.begin(), made.name.end(), made.name.begin(),
                   [](unsigned char c) { return std::toupper(c); });
    if (!is_instruction(made.name)) refuse(at, text, "there is no instruction of this name");
    made.text = std::string(trim(std::string_view(text).substr(end)));
    if (has_flags(made.name)) take_flags(made);
    return made;
  }

  Heredoc document(Announced one, std::size_t at) {
    while (!rest_.empty()) {
      std::string_view taken = line();
      if (one.strip_tabs) taken.remove_prefix(std::min(taken.find_first_not_of('\t'), taken.size()));
      if (taken == one.document.name) return std::move(one.document);
      one.document.content.append(taken).append("\n");
    }
    refuse(at, "<<" + one.document.name, "no line " + one.document.name + " ends the here-document");
  }

  std::string_view rest_;
  std::string name_;
  std::size_t line_ = 0;  // the number of the last one taken
  Dockerfile read_;
};

}  // namespace

std::string Instruction::original() const {
  std::string line_of_all = name;
  for (const auto& [flag, value] : flags) line_of_all += " --" + flag + (value.empty() ? "" : "=" + value);
  return text.empty() ? line_of_all : line_of_all + " " + text;
}

Dockerfile parse_dockerfile(std::string_view text, const std::string& name) { return Reader(text, name).read(); }

Instruction parse_instruction(const std::string& line, char escape) {
  const std::string directive = escape == '`' ? "# escape=`\n" : "";
  Dockerfile read = parse_dockerfile(directive + line, "ONBUILD");
  return std::move(read.instructions.front());
}

bool json_form(const std::string& text, std::vector<std::string>& words) {
  if (text.empty() || text[0] != '[') return false;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array() || !std::all_of(json.begin(), json.end(), [](const auto& word) { return word.is_string(); }))
    return false;
  words = json.get<std::vector<std::string>>();
  return true;
}

}  // namespace coracle::build
