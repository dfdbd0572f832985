// The stages of a Dockerfile: what each begins with, and which of them the wanted one needs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "build/dockerfile.hpp"

namespace coracle::build {

struct Stage {
  std::size_t index = 0;
  std::string name;  // AS NAME, in small letters; ""
  std::string base;  // an image, "scratch" or an earlier stage, variables replaced
  Instruction from;
  std::vector<Instruction> instructions;
};

struct Plan {
  std::vector<std::string> globals;  // NAME=value of each ARG before the first FROM, and of docker's own
  std::vector<Stage> stages;         // those that are needed, in their order; the last is the wanted one
};

// `arguments` are those of --build-arg; `target` is a stage's name or number, "" the last one. Throws Error.
Plan make_plan(const Dockerfile& dockerfile, const std::string& file_name, const std::vector<std::string>& arguments,
               const std::string& target);

// The stage of that name or number among the first `count`; nothing when it is none.
std::optional<std::size_t> find_stage(const std::vector<Stage>& stages, std::size_t count, const std::string& name);

// What ARG declares: "NAME" or "NAME=value". Its value is that of --build-arg before its own.
struct Argument {
  std::string name;
  std::optional<std::string> value;
};
std::vector<Argument> read_arguments(const Instruction& instruction, const std::vector<std::string>& known,
                                     const std::vector<std::string>& given, char escape);

// Throws `error` again, saying in which line it was.
[[noreturn]] void throw_at(const std::string& file_name, const Instruction& instruction, const std::exception& error);

}  // namespace coracle::build
