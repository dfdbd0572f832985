// The OCI runtimes on one bundle, and programs that join a running container.
#pragma once

#include <memory>

#include "contestants.hpp"

namespace coracle::bench {

// The floor of a bundle and the runtimes that this machine has, all with the config.json that `runc spec` or
// `coracle-oci spec` writes, but for the terminal, the program and the root.
void add_bundle(Field& field, const Workspace& workspace, const Command& program);

// A container of each kind that runs while this lives, and those who start one more program in it.
class Joined {
 public:
  Joined(const Workspace& workspace, const Command& program);
  ~Joined();
  Joined(const Joined&) = delete;
  Joined& operator=(const Joined&) = delete;
  const std::vector<Contestant>& contestants() const { return contestants_; }

 private:
  void join_bundle(const Workspace& workspace, const Command& program);
  void join_image(const Workspace& workspace, const Command& program);

  std::vector<Contestant> contestants_;
  std::vector<Command> at_end_;
  std::unique_ptr<Background> running_;
};

}  // namespace coracle::bench
