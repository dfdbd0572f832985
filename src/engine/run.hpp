// One container from its image to its end.
#pragma once

#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/spec.hpp"
#include "launch/attend.hpp"

namespace coracle::engine {

struct Ended {
  int status = 0;                        // of the program, as a shell has it
  parts::CgroupUsage usage;              // where memory was limited
  int asked_to_end = 0;                  // the signal that asked us to end meanwhile
  std::vector<std::string> left_behind;  // what could not be undone, of this container and of dead ones, and why
};

// Runs a container of the image in the foreground and removes it. `timeline`: every kernel call is recorded. With a
// keeper the container has a terminal. `made` is called with the container's id when it is there, and before it runs.
Ended run(Engine& engine, const RunOptions& options, bool timeline, launch::Keeper* keeper = nullptr,
          const std::function<void(const std::string& id)>& made = {});

// Runs a program in a root file system that is there and stays as the program leaves it: a step of a build. When we are
// asked to end, it is killed. `mask`: the signals that it begins with held back.
Ended run_in(Engine& engine, const RunOptions& options, const image::Config& config, const std::string& rootfs,
             const sigset_t* mask);

}  // namespace coracle::engine
