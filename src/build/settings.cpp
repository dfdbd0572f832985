#include "build/settings.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "image/change.hpp"
#include "kernel/error.hpp"

namespace coracle::build {
namespace {

using image::Config;
using kernel::Error;

std::string rest_behind(const std::string& text, const std::string& word) {
  const std::size_t begin = text.find_first_not_of(" \t", word.size());
  return begin == std::string::npos ? "" : text.substr(begin);
}

int parse_retries(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0)
    throw Error("read --retries=" + text, 0, "it is a number");
  return number;
}

void healthcheck(Config& config, const Instruction& instruction) {
  check_flags(instruction, {"interval", "timeout", "start-period", "start-interval", "retries"});
  const std::string word = instruction.text.substr(0, instruction.text.find_first_of(" \t"));
  image::Healthcheck check;
  if (word == "NONE" || word == "none") {
    check.test = {"NONE"};
    config.healthcheck = check;
    return;
  }
  const std::string command = rest_behind(instruction.text, word);
  if ((word != "CMD" && word != "cmd") || command.empty())
    throw Error("read HEALTHCHECK", 0, "write HEALTHCHECK [OPTIONS] CMD COMMAND, or HEALTHCHECK NONE");
  if (json_form(command, check.test)) {
    check.test.insert(check.test.begin(), "CMD");
  } else {
    check.test = {"CMD-SHELL", command};
  }
  const auto duration = [&](const char* name) {
    const std::string text = flag(instruction, name);
    return text.empty() ? 0 : parse_duration(text);
  };
  check.interval = duration("interval");
  check.timeout = duration("timeout");
  check.start_period = duration("start-period");
  check.start_interval = duration("start-interval");
  if (const std::string text = flag(instruction, "retries"); !text.empty()) check.retries = parse_retries(text);
  config.healthcheck = check;
}

void on_build(Config& config, const std::string& text) {
  const Instruction trigger = parse_instruction(text, '\\');
  if (trigger.name == "ONBUILD" || trigger.name == "FROM" || trigger.name == "MAINTAINER")
    throw Error("read ONBUILD " + trigger.name, 0, "that may not be left to whoever builds on the image");
  config.on_build.push_back(text);
}

}  // namespace

void apply_setting(Config& config, const Instruction& instruction, const image::Variables& variables) {
  const std::string& name = instruction.name;
  if (instruction.text.empty()) throw Error("read " + name, 0, "nothing stands behind it");
  if (name == "HEALTHCHECK") return healthcheck(config, instruction);
  if (name == "MAINTAINER") {
    config.author = instruction.text;
  } else if (name == "ONBUILD") {
    on_build(config, instruction.text);
  } else if (name == "SHELL") {
    if (!json_form(instruction.text, config.shell) || config.shell.empty())
      throw Error("read SHELL", 0, "it is a list in JSON: SHELL [\"/bin/bash\", \"-c\"]");
  } else {
    image::apply_instruction(config, name, instruction.text, variables);
  }
}

std::int64_t parse_duration(const std::string& text) {
  static const std::map<std::string, double> units = {{"ns", 1},  {"us", 1e3}, {"ms", 1e6},
                                                      {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
  double sum = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789.", at), text.size());
    const std::size_t next = std::min(text.find_first_of("0123456789.", end), text.size());
    const auto unit = units.find(text.substr(end, next - end));
    double number = 0;
    const auto [stop, error] = std::from_chars(text.data() + at, text.data() + end, number);
    if (error != std::errc() || stop != text.data() + end || unit == units.end()) break;
    sum += number * unit->second;
    at = next;
  }
  if (text.empty() || at < text.size() || sum > 9e18)
    throw Error("read the duration \"" + text + "\"", 0, "write 30s, 1m30s or 500ms");
  return std::llround(sum);
}

void check_flags(const Instruction& instruction, const std::vector<std::string>& known) {
  for (const auto& [name, value] : instruction.flags) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string all;
    for (const std::string& one : known) all += (all.empty() ? "--" : ", --") + one;
    throw Error("read --" + name, 0, "coracle knows of this instruction " + (all.empty() ? "no options" : all));
  }
}

std::string flag(const Instruction& instruction, const std::string& name) {
  std::string found;
  for (const auto& [one, value] : instruction.flags) {
    if (one == name) found = value;
  }
  return found;
}

}  // namespace coracle::build
