// One container from its image to its end.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/spec.hpp"
#include "launch/attend.hpp"

namespace coracle::engine {

struct Ended {
  int status = 0;                        // of the program, as a shell has it
  parts::CgroupUsage usage;              // where memory was limited
  std::vector<std::string> left_behind;  // what could not be undone, of this container and of dead ones, and why
};

// Runs a container of the image in the foreground and removes it. `timeline`: every kernel call is recorded. With a
// keeper the container has a terminal.
Ended run(Engine& engine, const RunOptions& options, bool timeline, launch::Keeper* keeper = nullptr);

}  // namespace coracle::engine
