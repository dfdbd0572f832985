// The own directory of a container, DATA/containers/ID, and the lock in it: whoever launches the container holds it for
// as long as the container runs, also between two starts. When the lock is free, nobody looks after the container.
#pragma once

#include <optional>
#include <string>

#include "kernel/fd.hpp"

namespace coracle::engine {

class ContainerLock {
 public:
  // Makes the directory (mode 0700) and locks it. Throws Error.
  static ContainerLock make(const std::string& directory);

  // Locks it; nothing when it is not there, or somebody else holds it.
  static std::optional<ContainerLock> take(const std::string& directory);

  // The same, and waits until nobody else holds it; nothing when it is not there, or goes meanwhile.
  static std::optional<ContainerLock> await(const std::string& directory);

  // Whether somebody holds it. Asks without taking it for a moment, so that nobody else finds it taken.
  static bool held(const std::string& directory);

 private:
  explicit ContainerLock(kernel::Fd file) : file_(std::move(file)) {}
  static std::optional<ContainerLock> lock(const std::string& directory, int command);

  kernel::Fd file_;  // F_OFD_SETLK in fcntl(2), let go by the kernel whatever way the process ends
};

}  // namespace coracle::engine
