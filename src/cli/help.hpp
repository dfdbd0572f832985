// `coracle --help`: every command with an example, in the groups in which docker tells of its own.
#pragma once

#include <span>
#include <string>

#include "cli/commands.hpp"

namespace coracle::cli {

// With a `group` ("network") its commands alone.
void print_help(std::span<const Command> commands, const std::string& group = {});

}  // namespace coracle::cli
