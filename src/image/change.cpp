#include "image/change.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

#include "kernel/error.hpp"
#include "kernel/process.hpp"

namespace coracle::image {
namespace {

using kernel::Error;
using Words = std::vector<std::string>;

constexpr const char* kBlanks = " \t\r\n";

bool is_blank(char c) { return std::strchr(kBlanks, c) != nullptr; }

bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

std::string trim(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::string value_of(const std::string& name, const Words& env) {
  for (const std::string& entry : env) {
    if (entry.size() > name.size() && entry.compare(0, name.size(), name) == 0 && entry[name.size()] == '=') {
      return entry.substr(name.size() + 1);
    }
  }
  return "";
}

// Reads one text into words: Dockerfile reference, "Environment replacement".
class Splitter {
 public:
  Splitter(const std::string& text, const Words& env, bool at_blanks) : text_(text), env_(env), at_blanks_(at_blanks) {}

  Words words() {
    while (at_ < text_.size()) take(text_[at_++]);
    if (quote_ != 0) throw Error("read \"" + text_ + "\"", 0, std::string("the quote ") + quote_ + " is not closed");
    if (in_word_) words_.push_back(word_);
    return words_;
  }

 private:
  void take(char c) {
    if (quote_ == 0 && at_blanks_ && is_blank(c)) {
      if (in_word_) words_.push_back(word_);
      word_.clear();
      in_word_ = false;
      return;
    }
    in_word_ = true;
    if (c == quote_) {
      quote_ = 0;
    } else if (quote_ == 0 && (c == '"' || c == '\'')) {
      quote_ = c;
    } else if (c == '\\' && quote_ != '\'' && at_ < text_.size()) {
      take_escaped(text_[at_++]);
    } else if (c == '$' && quote_ != '\'') {
      take_variable();
    } else {
      word_ += c;
    }
  }

  // Between double quotes a backslash is itself but before these.
  void take_escaped(char c) {
    if (quote_ == '"' && c != '"' && c != '$' && c != '\\') word_ += '\\';
    word_ += c;
  }

  void take_variable() {
    const bool braces = at_ < text_.size() && text_[at_] == '{';
    if (braces) ++at_;
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    const std::string name = text_.substr(begin, at_ - begin);
    if (braces && (name.empty() || at_ >= text_.size() || text_[at_++] != '}')) {
      throw Error("read \"" + text_ + "\"", 0, "a variable is written $NAME or ${NAME}");
    }
    word_ += name.empty() ? "$" : value_of(name, env_);
  }

  const std::string& text_;
  const Words& env_;
  bool at_blanks_;
  std::size_t at_ = 0;
  char quote_ = 0;
  bool in_word_ = false;
  std::string word_;
  Words words_;
};

std::string one_word(const std::string& text, const Words& env) {
  const Words words = Splitter(text, env, false).words();
  return words.empty() ? "" : words.front();
}

// ["a", "b"] as JSON; nothing when it is not that.
std::optional<Words> json_form(const std::string& text) {
  if (text.empty() || text[0] != '[') return std::nullopt;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array()) return std::nullopt;
  if (!std::all_of(json.begin(), json.end(), [](const auto& word) { return word.is_string(); })) return std::nullopt;
  return json.get<Words>();
}

// A command that is not in JSON form is for a shell.
Words command(const std::string& text) {
  if (const auto words = json_form(text)) return *words;
  return text.empty() ? Words{} : Words{"/bin/sh", "-c", text};
}

// NAME=value..., or the old form NAME VALUE.
Words assignments(const std::string& text, const Words& env) {
  const std::size_t blank = text.find_first_of(kBlanks);
  if (text.substr(0, blank).find('=') == std::string::npos) {
    if (blank == std::string::npos) throw Error("read \"" + text + "\"", 0, "write NAME=value");
    return {text.substr(0, blank) + "=" + one_word(trim(text.substr(blank)), env)};
  }
  Words words = split_words(text, env);
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == 0 || equals == std::string::npos) throw Error("read \"" + word + "\"", 0, "write NAME=value");
  }
  return words;
}

std::uint16_t port_number(const std::string& word, std::string_view digits) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number == 0) {
    throw Error("read the port \"" + word + "\"", 0, "write PORT or FIRST-LAST from 1 to 65535, with /tcp or /udp");
  }
  return number;
}

void expose(Config& config, const std::string& word) {
  const std::size_t slash = word.find('/');
  const std::string protocol = slash == std::string::npos ? "tcp" : word.substr(slash + 1);
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") {
    throw Error("read the port \"" + word + "\"", 0, "the protocol is tcp, udp or sctp");
  }
  const std::string range = word.substr(0, slash);
  const std::size_t dash = range.find('-');
  const unsigned first = port_number(word, range.substr(0, dash));
  const unsigned last = dash == std::string::npos ? first : port_number(word, range.substr(dash + 1));
  for (unsigned port = first; port <= last; ++port) {
    config.exposed_ports.push_back(std::to_string(port) + "/" + protocol);
  }
}

// A relative directory goes on from the one before.
void change_directory(Config& config, const std::string& path) {
  if (path.empty()) throw Error("read an empty WORKDIR", 0, "write WORKDIR /directory");
  if (path[0] == '/') {
    config.working_dir = path;
  } else {
    config.working_dir += (!config.working_dir.empty() && config.working_dir.back() == '/' ? "" : "/") + path;
  }
}

void stop_signal(Config& config, const std::string& name) {
  if (!kernel::signal_number(name)) {
    throw Error("read the stop signal \"" + name + "\"", 0, "write a number or a name: SIGTERM");
  }
  config.stop_signal = name;
}

void apply(Config& config, const std::string& name, const std::string& rest) {
  if (name == "ENV") {
    for (const std::string& entry : assignments(rest, config.env)) set_variable(config.env, entry);
  } else if (name == "LABEL") {
    for (const std::string& entry : assignments(rest, config.env)) {
      config.labels[entry.substr(0, entry.find('='))] = entry.substr(entry.find('=') + 1);
    }
  } else if (name == "CMD") {
    config.cmd = command(rest);
  } else if (name == "ENTRYPOINT") {
    config.entrypoint = command(rest);
  } else if (name == "WORKDIR") {
    change_directory(config, one_word(rest, config.env));
  } else if (name == "USER") {
    config.user = one_word(rest, config.env);
  } else if (name == "EXPOSE") {
    for (const std::string& word : split_words(rest, config.env)) expose(config, word);
  } else if (name == "VOLUME") {
    const auto words = json_form(rest);
    for (const std::string& path : words ? *words : split_words(rest, config.env)) config.volumes.push_back(path);
  } else if (name == "STOPSIGNAL") {
    stop_signal(config, one_word(rest, config.env));
  } else {
    throw Error("read \"" + name + "\"", 0,
                "the instructions are ENV, CMD, ENTRYPOINT, WORKDIR, USER, EXPOSE, VOLUME, LABEL and STOPSIGNAL");
  }
}

}  // namespace

void apply_change(Config& config, const std::string& instruction) {
  const std::string text = trim(instruction);
  const std::size_t blank = text.find_first_of(kBlanks);
  std::string name = text.substr(0, blank);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
  try {
    apply(config, name, blank == std::string::npos ? "" : trim(text.substr(blank)));
  } catch (const Error& error) {
    throw Error("apply the change \"" + instruction + "\"", 0, error.what());
  }
}

Words split_words(const std::string& text, const Words& env) { return Splitter(text, env, true).words(); }

}  // namespace coracle::image
