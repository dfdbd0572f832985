// What `exec` has to know of a running container, noted in its run directory when its program runs: before that there
// is nothing whole to join. (How it is confined, the part `confine` notes itself.)
#pragma once

#include <string>

#include "launch/spec.hpp"

namespace coracle::engine {

struct JoinNote {
  std::string process;      // kernel::process_note()
  launch::Process program;  // env, cwd, user, groups: what an exec without options of its own begins with
};

void write_join_note(const std::string& run_dir, const launch::Spec& spec, pid_t pid);

bool can_be_joined(const std::string& run_root, const std::string& id);  // the note is there

// Waits for it while somebody is about to start the container. Throws Error when there is none: it has ended.
JoinNote read_join_note(const std::string& run_root, const std::string& id);

}  // namespace coracle::engine
