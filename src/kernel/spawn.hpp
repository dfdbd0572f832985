// A helper program run to its end, for the one thing that no kernel call does for us (nft(8)); posix_spawn(3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coracle::kernel {

// Runs the program that PATH, or else /usr/sbin, has under the name command[0], with `input` as its standard input.
// Throws Error with what it printed to stderr when its status is not 0; ENOENT: there is no such program.
void spawn(const std::vector<std::string>& command, std::string_view input);

// The same; gives what it printed to stdout. The Error has both.
std::string spawn_for_output(const std::vector<std::string>& command, std::string_view input);

}  // namespace coracle::kernel
