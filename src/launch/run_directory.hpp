// The run directory of a container: RUN_ROOT/ID, its state while it runs. Whoever launches holds a lock on it;
// when the lock is free, the launching process is dead and what it left may be cleared away.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernel/fd.hpp"
#include "parts/part.hpp"

namespace coracle::launch {

class RunDirectory {
 public:
  // Makes RUN_ROOT/ID (mode 0700) and holds it. The names of the parts are noted in it for a later sweep.
  RunDirectory(const std::string& run_root, const std::string& id, const parts::Parts& parts);

  // Takes the directory of a start whose process is dead and all of whose parts are among `parts`.
  static std::optional<RunDirectory> take_over(const std::string& run_root, const std::string& id,
                                               const parts::Parts& parts);

  // Whether a living process launched, and holds, this container.
  static bool held(const std::string& run_root, const std::string& id);

  // The ids of all containers that have a run directory.
  static std::vector<std::string> ids(const std::string& run_root);

  // Notes the container's first process, so that whoever sweeps can end it: it may have outlived the process that
  // launched it, for a program that changes its user loses PR_SET_PDEATHSIG.
  void note_process(pid_t pid) const;

  // Ends the noted process, and with it its pid namespace, and waits until it is gone.
  void end_process() const;

  // In the child, which has the lock too since the fork and may live longer: from here on it is the parent's alone.
  void let_go() { held_.close(); }

  const std::string& path() const { return path_; }
  void remove();

 private:
  RunDirectory(std::string path, kernel::Fd held);

  std::string path_;
  kernel::Fd held_;  // flock(2) LOCK_EX, let go by the kernel whatever way the process ends
};

}  // namespace coracle::launch
