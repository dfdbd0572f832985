// The launch: the one way to start a container, for every door and every lesson.
//
//     parent                                   child
//     prepare of every part
//     clone3 --------------------------------> waits for "go"
//     adopt of every part
//     "go" ----------------------------------> enter of every part
//                                              [the gate: waits until somebody starts it]
//                                              seal of every part
//     execve closes the line <---------------- execve (or: leaves its error)
//     passes signals on, waits
//     release of every part, backwards
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernel/process.hpp"
#include "launch/signals.hpp"
#include "launch/spec.hpp"
#include "parts/part.hpp"

namespace coracle::launch {

struct Options {
  std::string run_root;             // where containers keep their state while they run; see default_run_root()
  std::string id;                   // a name for a directory; see new_id()
  bool record = false;              // every kernel call is noted, for the timeline
  std::function<void()> held = {};  // called when the id is ours and nothing else is made; it may throw
  // Called while the child makes the container: for what need not be done before. It may throw.
  std::function<void()> meanwhile = {};
  std::function<void(pid_t)> executed = {};  // run(): called when the program runs, with the first process
  Watch watch = {};                          // run(): what else to look after until its end
  // run(): the program is not asked to end when we are, but killed.
  bool kill_at_once = false;
  bool outlives = false;                   // run(): when we are killed the program goes on, until a sweep ends it
  const sigset_t* program_mask = nullptr;  // the signals that the program begins with held back; none: as we did
};

struct Outcome {
  kernel::Ending ending;                 // of the program
  int asked_to_end = 0;                  // the last signal by which we were, while it ran
  std::vector<std::string> left_behind;  // what could not be undone, and why; empty as a rule
};

// Starts the container that the parts make up, passes signals on to it, waits for its end and unmakes it.
// Throws kernel::Error when it could not be started; everything made until then is unmade by then.
Outcome run(const Process& process, parts::Parts& parts, const Options& options);

// The same up to the gate, and gives the process that waits there; it and its run directory outlive us. Throws as run()
// does.
pid_t create(const Process& process, parts::Parts& parts, const Options& options);

// Opens the gate of a created container. Throws kernel::Error when nobody waits there, or what the program could not be
// executed for; the container's process has ended then.
void start(const std::string& run_dir);

// Unmakes a created container, whatever of it is there: ends its process and lets the parts release what they made.
// Gives what could not be undone. Throws when somebody else holds it.
std::vector<std::string> unmake(const std::string& run_root, const std::string& id, parts::Parts& parts);

struct Joining {
  std::string run_root = {};  // and the id: of the container, where the parts look for what its start has noted
  std::string id = {};
  const kernel::Fd* pidfd = nullptr;         // of the process to join, when its number was found in a note
  bool detach = false;                       // does not wait for the program's end
  std::function<void(pid_t)> executed = {};  // called when the program runs, with its process
  Watch watch = {};                          // what else to look after until its end
};

// Runs one more program inside the running container whose process is `pid`: the parts join it, and seal the program.
// Nothing when it was to be detached.
std::optional<kernel::Ending> join(const Process& process, parts::Parts& parts, pid_t pid, const Joining& joining = {});

// /run/coracle when /run is in memory, else /dev/shm/coracle; for an ordinary user $XDG_RUNTIME_DIR/coracle, else
// /dev/shm/coracle-UID; $CORACLE_RUN before all.
std::string default_run_root();

std::string new_id();

// Ends the processes of containers whose launching process was killed. sweep() does so too; but once an ordinary user
// is in a namespace of its own (launch/rootless.hpp), those of other ids in another one are out of reach.
void end_abandoned(const std::string& run_root);

// Unmakes what starts left behind whose launching process was killed, as far as `parts` made it.
// Gives what could not be undone.
std::vector<std::string> sweep(const std::string& run_root, parts::Parts& parts);

}  // namespace coracle::launch
