// The launch: the one way to start a container, for every door and every lesson.
//
//     parent                                   child
//     prepare of every part
//     clone3 --------------------------------> waits for "go"
//     adopt of every part
//     "go" ----------------------------------> enter of every part
//                                              the gate, then execve
//     execve closes the pipe <---------------- (or: leaves its error in the flight recorder)
//     passes signals on, waits
//     release of every part, backwards
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kernel/process.hpp"
#include "launch/spec.hpp"
#include "parts/part.hpp"

namespace coracle::launch {

struct Options {
  std::string run_root;             // where containers keep their state while they run; see default_run_root()
  std::string id;                   // 12 hex digits; see new_id()
  bool record = false;              // every kernel call is noted, for the timeline
  std::function<void()> held = {};  // called when the id is ours and nothing else is made; it may throw
};

struct Outcome {
  kernel::Ending ending;                 // of the program
  std::vector<std::string> left_behind;  // what could not be undone, and why; empty as a rule
};

// Starts the container that the parts make up, passes signals on to it, waits for its end and unmakes it.
// Throws kernel::Error when it could not be started; everything made until then is unmade by then.
Outcome run(const Process& process, parts::Parts& parts, const Options& options);

// Runs one more program inside the running container whose process is `pid`: the parts join it.
kernel::Ending join(const Process& process, parts::Parts& parts, pid_t pid);

// /run/coracle when /run is in memory, else /dev/shm/coracle; $CORACLE_RUN before both.
std::string default_run_root();

std::string new_id();

// Unmakes what starts left behind whose launching process was killed, as far as `parts` made it.
// Gives what could not be undone.
std::vector<std::string> sweep(const std::string& run_root, parts::Parts& parts);

}  // namespace coracle::launch
