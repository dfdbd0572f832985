// The root of a container as its programs see it: of one that runs its own, by descriptor; of one that does not, its
// layers and volumes, mounted for this process alone.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/engine.hpp"
#include "engine/spec.hpp"
#include "parts/part.hpp"

namespace coracle::engine {

class ContainerRoot {
 public:
  // `scratch`: a directory of ours. This process mounts for itself alone from here on (overlay.hpp), and of an ordinary
  // user's container that runs it enters the user namespace: open first what is to be opened outside. Throws Error when
  // there is no such container, or it starts or ends at this moment.
  ContainerRoot(Engine& engine, const std::string& container, const std::string& scratch);
  ~ContainerRoot();
  ContainerRoot(const ContainerRoot&) = delete;
  ContainerRoot& operator=(const ContainerRoot&) = delete;

  const kernel::Fd& fd() const { return root_; }
  const std::string& name() const { return record_.name; }

  // Whether a volume is mounted at this absolute path. What else is mounted in a container (/proc, ...) are not its
  // files.
  bool has_volume(const std::string& path) const;

 private:
  void enter_running();
  void mount_stopped(Engine& engine, const std::string& scratch);

  Record record_;
  RunOptions options_;
  std::optional<ContainerLock> lock_;  // of one that does not run: nobody starts it meanwhile
  parts::Context context_;
  std::unique_ptr<parts::Part> volumes_;
  kernel::Fd root_;
};

}  // namespace coracle::engine
