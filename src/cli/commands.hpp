// The commands of a door, and the reading of what stands before them. The images are moved by a program of its own,
// coracle-images, which is linked dynamically: it stands on libraries that a start of a container has no use for.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/cli.hpp"

namespace coracle::cli {

struct Command {
  const char* name;
  const char* what;                                              // "": not for a person
  int (*act)(const Door& door, std::vector<std::string> words);  // none: it is one of coracle-images
};

// Becomes coracle-images, which lies beside this program, for one of its commands.
[[noreturn]] void execute_images(const Door& door, const std::string& name, const std::vector<std::string>& words);

// Reads the options of the door, picks the command, and gives its exit status.
int act(std::span<const Command> commands, std::vector<std::string> words);

}  // namespace coracle::cli
