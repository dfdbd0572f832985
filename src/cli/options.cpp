#include "cli/options.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

// As Go's strconv.ParseBool, in lower case.
bool read_bool(const std::string& name, const std::string& text) {
  if (text == "true" || text == "1" || text == "t") return true;
  if (text == "false" || text == "0" || text == "f") return false;
  throw kernel::Error("read --" + name + "=" + text, 0, "it is true or false");
}

}  // namespace

Options::Options(std::string name, std::string usage, std::string what)
    : name_(std::move(name)), usage_(std::move(usage)), what_(std::move(what)) {
  flag(0, "help", "This text", help_);
}

void Options::group(const char* heading) { group_ = heading; }

void Options::flag(char letter, const char* name, const char* what, bool& value) {
  const auto take = [name, &value](const std::string& text) { value = text.empty() || read_bool(name, text); };
  options_.push_back({Option::Value::none, letter, name, "", "", what, group_, take});
}

void Options::value(char letter, const char* name, const char* value, const char* what,
                    std::function<void(const std::string&)> take) {
  options_.push_back({Option::Value::needed, letter, name, "", value, what, group_, std::move(take)});
}

void Options::value(char letter, const char* name, const char* shown, const char* what, std::string& target) {
  value(letter, name, shown, what, [&target](const std::string& text) { target = text; });
}

void Options::optional_value(const char* name, const char* value, const char* what,
                             std::function<void(const std::string&)> take) {
  options_.push_back({Option::Value::optional, 0, name, "", value, what, group_, std::move(take)});
}

void Options::alias(const char* name) { options_.back().alias = name; }

bool Options::read(std::vector<std::string>& words, bool anywhere) {
  std::vector<std::string> rest;
  std::size_t at = 0;
  while (at < words.size() && !help_) {
    const std::string& word = words[at];
    if (word == "--") {
      ++at;
      break;
    }
    if (word.size() > 1 && word[0] == '-') {
      at = word[1] == '-' ? read_long(words, at) : read_letters(words, at);
    } else if (anywhere) {
      rest.push_back(words[at++]);
    } else {
      break;
    }
  }
  if (help_) {
    std::fputs(help().c_str(), stdout);
    return false;
  }
  rest.insert(rest.end(), words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
  words = std::move(rest);
  return true;
}

std::size_t Options::read_long(const std::vector<std::string>& words, std::size_t at) {
  const std::string& word = words[at];
  const std::size_t equals = word.find('=');
  const Option& option = find(word.substr(2, equals == std::string::npos ? equals : equals - 2));
  if (equals != std::string::npos) {
    option.take(word.substr(equals + 1));
    return at + 1;
  }
  if (option.has_value != Option::Value::needed) {
    option.take("");
    return at + 1;
  }
  if (at + 1 == words.size()) refuse("the option " + word + " needs a value (" + option.value + ")");
  option.take(words[at + 1]);
  return at + 2;
}

std::size_t Options::read_letters(const std::vector<std::string>& words, std::size_t at) {
  const std::string& word = words[at];
  for (std::size_t i = 1; i < word.size(); ++i) {
    const Option& option = find(word[i], word);
    const bool more = i + 1 < word.size();
    if (option.has_value == Option::Value::none && !(more && word[i + 1] == '=')) {
      option.take("");
      continue;
    }
    if (more) {
      option.take(word.substr(word[i + 1] == '=' ? i + 2 : i + 1));
      return at + 1;
    }
    if (at + 1 == words.size()) refuse("the option " + word + " needs a value (" + option.value + ")");
    option.take(words[at + 1]);
    return at + 2;
  }
  return at + 1;
}

const Options::Option& Options::find(const std::string& name) const {
  for (const Option& option : options_) {
    if (name == option.name || (*option.alias != '\0' && name == option.alias)) return option;
  }
  refuse("unknown option --" + name);
}

const Options::Option& Options::find(char letter, const std::string& word) const {
  for (const Option& option : options_) {
    if (option.letter == letter) return option;
  }
  refuse(fmt::format("unknown option -{}{}", letter, word.size() > 2 ? " in " + word : ""));
}

void Options::refuse(const std::string& what) const {
  throw kernel::Error(what, 0, "see coracle " + name_ + " --help");
}

std::string Options::help() const {
  constexpr std::size_t kColumn = 34;
  std::string text = fmt::format("Usage: coracle {} {}\n\n{}\n", name_, usage_, what_);
  std::vector<const char*> groups;
  for (const Option& option : options_) {
    const auto same = [&](const char* group) { return std::strcmp(group, option.group) == 0; };
    if (std::none_of(groups.begin(), groups.end(), same)) groups.push_back(option.group);
  }
  std::rotate(groups.begin(), groups.begin() + 1, groups.end());  // --help comes last
  for (const char* group : groups) {
    text += fmt::format("\n{}:\n", group);
    for (const Option& option : options_) {
      if (std::strcmp(group, option.group) != 0) continue;
      std::string names = option.letter != 0 ? fmt::format("-{}, ", option.letter) : "    ";
      if (*option.alias != '\0') names += fmt::format("--{}, ", option.alias);
      names += fmt::format("--{}", option.name);
      if (option.has_value == Option::Value::needed) names += fmt::format(" {}", option.value);
      if (option.has_value == Option::Value::optional) names += fmt::format("[={}]", option.value);
      text += fmt::format("  {:<{}} {}\n", names, kColumn, option.what);
    }
  }
  return text;
}

}  // namespace coracle::cli
