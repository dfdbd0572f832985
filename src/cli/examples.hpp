// An example of each command, for `coracle --help` and for the command's own.
#pragma once

#include <string_view>

namespace coracle::cli {

// The words behind "coracle" that do what the command is mostly called for; "" when there is no such command.
const char* example_of(std::string_view command);

}  // namespace coracle::cli
