#include "build/stages.hpp"

#include <algorithm>
#include <cctype>
#include <set>

#include <fmt/format.h>

#include "build/settings.hpp"
#include "image/config.hpp"
#include "image/manifest.hpp"
#include "image/words.hpp"
#include "kernel/error.hpp"

namespace coracle::build {
namespace {

using kernel::Error;
using Words = std::vector<std::string>;

std::string small(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope
Words platform_arguments() {
  const image::Platform host = image::host_platform();
  Words all;
  for (const std::string of : {"TARGET", "BUILD"}) {
    all.push_back(of + "PLATFORM=" + host.text());
    all.push_back(of + "OS=" + host.os);
    all.push_back(of + "ARCH=" + host.architecture);
    all.push_back(of + "VARIANT=" + host.variant);
  }
  return all;
}

bool is_stage_name(const std::string& name) {
  return !name.empty() && std::isalpha(static_cast<unsigned char>(name[0])) != 0 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.-") == std::string::npos;
}

// FROM [--platform=...] IMAGE [AS NAME]
Stage read_from(const Instruction& from, const Words& globals, char escape) {
  check_flags(from, {"platform"});
  const Words words = image::split_words(from.text, {globals, escape});
  if ((words.size() != 1 && words.size() != 3) || words[0].empty() || (words.size() == 3 && small(words[1]) != "as"))
    throw Error("read FROM", 0, "write FROM IMAGE, or FROM IMAGE AS NAME");
  const std::string platform = image::one_word(flag(from, "platform"), {globals, escape});
  if (!platform.empty() && image::parse_platform(platform) != image::host_platform())
    throw Error("build for " + platform, 0, "images are built for " + image::host_platform().text() + " here");
  Stage stage;
  stage.from = from;
  stage.base = words[0];
  if (words.size() == 3) stage.name = small(words[2]);
  if (words.size() == 3 && !is_stage_name(stage.name))
    throw Error("read the name \"" + words[2] + "\" of a stage", 0,
                "it has letters, digits, _ . - and begins with a letter");
  return stage;
}

void check_name_is_new(const std::vector<Stage>& stages, const std::string& name) {
  const auto same = [&](const Stage& stage) { return !name.empty() && stage.name == name; };
  if (std::any_of(stages.begin(), stages.end(), same))
    throw Error("name a stage \"" + name + "\"", 0, "there is one of this name already");
}

// Those that a stage, and what it needs, takes files from or begins with.
std::set<std::size_t> needed(const std::vector<Stage>& stages, std::size_t wanted) {
  std::set<std::size_t> all;
  std::vector<std::size_t> todo = {wanted};
  while (!todo.empty()) {
    const std::size_t index = todo.back();
    todo.pop_back();
    if (!all.insert(index).second) continue;
    if (const auto base = find_stage(stages, index, stages[index].base)) todo.push_back(*base);
    for (const Instruction& instruction : stages[index].instructions) {
      const std::string from = flag(instruction, "from");
      if (from.empty()) continue;
      if (const auto stage = find_stage(stages, index, from)) todo.push_back(*stage);
    }
  }
  return all;
}

}  // namespace

Plan make_plan(const Dockerfile& dockerfile, const std::string& file_name, const Words& arguments,
               const std::string& target) {
  Plan plan;
  plan.globals = platform_arguments();
  std::vector<Stage> all;
  for (const Instruction& instruction : dockerfile.instructions) {
    try {
      if (instruction.name == "FROM") {
        Stage stage = read_from(instruction, plan.globals, dockerfile.escape);
        check_name_is_new(all, stage.name);
        stage.index = all.size();
        all.push_back(std::move(stage));
      } else if (!all.empty()) {
        all.back().instructions.push_back(instruction);
      } else if (instruction.name == "ARG") {
        for (const Argument& one : read_arguments(instruction, plan.globals, arguments, dockerfile.escape))
          if (one.value) image::set_variable(plan.globals, one.name + "=" + *one.value);
      } else {
        throw Error("read " + instruction.name, 0, "the first instruction is FROM; only ARG may stand before it");
      }
    } catch (const Error& error) {
      throw_at(file_name, instruction, error);
    }
  }
  if (all.empty()) throw Error("read " + file_name, 0, "there is no FROM in it");
  const auto wanted = target.empty() ? all.size() - 1 : find_stage(all, all.size(), target);
  if (!wanted) throw Error("find the stage \"" + target + "\" (--target)", 0, "no FROM ... AS has this name");
  const std::set<std::size_t> indices = needed(all, *wanted);
  for (Stage& stage : all) {
    if (indices.contains(stage.index)) plan.stages.push_back(std::move(stage));
  }
  return plan;
}

std::optional<std::size_t> find_stage(const std::vector<Stage>& stages, std::size_t count, const std::string& name) {
  for (std::size_t i = 0; i < std::min(count, stages.size()); ++i) {
    const bool named = !stages[i].name.empty() && stages[i].name == small(name);
    if (named || std::to_string(stages[i].index) == name) return i;
  }
  return std::nullopt;
}

std::vector<Argument> read_arguments(const Instruction& instruction, const Words& known, const Words& given,
                                     char escape) {
  std::vector<Argument> found;
  for (const std::string& word : image::split_words(instruction.text, {known, escape})) {
    const std::size_t equals = std::min(word.find('='), word.size());
    Argument one{word.substr(0, equals), std::nullopt};
    if (one.name.empty()) throw Error("read ARG " + word, 0, "write ARG NAME or ARG NAME=value");
    if (equals < word.size()) one.value = word.substr(equals + 1);
    for (const std::string& entry : given) {
      if (entry.starts_with(one.name + "=")) one.value = entry.substr(one.name.size() + 1);
    }
    found.push_back(std::move(one));
  }
  if (found.empty()) throw Error("read ARG", 0, "write ARG NAME or ARG NAME=value");
  return found;
}

void throw_at(const std::string& file_name, const Instruction& instruction, const std::exception& error) {
  std::string place =
      fmt::format("{}:{}: {}", file_name, instruction.line, kernel::printable(instruction.original().substr(0, 200)));
  const auto* ours = dynamic_cast<const Error*>(&error);
  if (ours == nullptr) throw Error(place, 0, error.what());
  throw Error(place + ": " + ours->attempt(), ours->code(), ours->hint()).with_status(ours->status());
}

}  // namespace coracle::build
