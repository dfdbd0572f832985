#include "image/change.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

#include "image/words.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"

namespace coracle::image {
namespace {

using kernel::Error;
using Words = std::vector<std::string>;

constexpr const char* kBlanks = " \t\r\n";

std::string trim(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
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
Words command(const std::string& text, const Words& shell) {
  if (const auto words = json_form(text)) return *words;
  if (text.empty()) return {};
  Words words = shell.empty() ? Words{"/bin/sh", "-c"} : shell;
  words.push_back(text);
  return words;
}

// NAME=value..., or the old form NAME VALUE.
Words assignments(const std::string& text, const Variables& variables) {
  const std::size_t blank = text.find_first_of(kBlanks);
  if (text.substr(0, blank).find('=') == std::string::npos) {
    if (blank == std::string::npos) throw Error("read \"" + text + "\"", 0, "write NAME=value");
    return {text.substr(0, blank) + "=" + one_word(trim(text.substr(blank)), variables)};
  }
  Words words = split_words(text, variables);
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
  // A set: a range that comes again and again takes no more room.
  std::sort(config.exposed_ports.begin(), config.exposed_ports.end());
  config.exposed_ports.erase(std::unique(config.exposed_ports.begin(), config.exposed_ports.end()),
                             config.exposed_ports.end());
}

// A relative directory goes on from the one before.
void change_directory(Config& config, const std::string& path) {
  if (path.empty()) throw Error("read an empty WORKDIR", 0, "write WORKDIR /directory");
  config.working_dir = std::filesystem::path("/").append(config.working_dir).append(path).lexically_normal().string();
  if (config.working_dir.size() > 1 && config.working_dir.back() == '/') config.working_dir.pop_back();
}

void stop_signal(Config& config, const std::string& name) {
  if (!kernel::signal_number(name)) {
    throw Error("read the stop signal \"" + name + "\"", 0, "write a number or a name: SIGTERM");
  }
  config.stop_signal = name;
}

}  // namespace

void apply_instruction(Config& config, const std::string& name, const std::string& rest, const Variables& variables) {
  if (name == "ENV") {
    for (const std::string& entry : assignments(rest, variables)) set_variable(config.env, entry);
  } else if (name == "LABEL") {
    for (const std::string& entry : assignments(rest, variables)) {
      config.labels[entry.substr(0, entry.find('='))] = entry.substr(entry.find('=') + 1);
    }
  } else if (name == "CMD") {
    config.cmd = command(rest, config.shell);
  } else if (name == "ENTRYPOINT") {
    config.entrypoint = command(rest, config.shell);
  } else if (name == "WORKDIR") {
    change_directory(config, one_word(rest, variables));
  } else if (name == "USER") {
    config.user = one_word(rest, variables);
  } else if (name == "EXPOSE") {
    for (const std::string& word : split_words(rest, variables)) expose(config, word);
  } else if (name == "VOLUME") {
    const auto words = json_form(rest);
    for (const std::string& path : words ? *words : split_words(rest, variables)) config.volumes.push_back(path);
  } else if (name == "STOPSIGNAL") {
    stop_signal(config, one_word(rest, variables));
  } else {
    throw Error("read \"" + name + "\"", 0,
                "the instructions are ENV, CMD, ENTRYPOINT, WORKDIR, USER, EXPOSE, VOLUME, LABEL and STOPSIGNAL");
  }
}

void apply_change(Config& config, const std::string& instruction) {
  const std::string text = trim(instruction);
  const std::size_t blank = text.find_first_of(kBlanks);
  std::string name = text.substr(0, blank);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
  try {
    const Words env = config.env;
    apply_instruction(config, name, blank == std::string::npos ? "" : trim(text.substr(blank)), {env});
  } catch (const Error& error) {
    throw Error("apply the change \"" + instruction + "\"", 0, error.what());
  }
}

}  // namespace coracle::image
