// The files of containers, running or not: what a container changed, and all that it sees.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/container_lock.hpp"
#include "engine/engine.hpp"
#include "engine/records.hpp"
#include "kernel/process.hpp"
#include "parts/layers/diff.hpp"
#include "parts/unpack/decoder.hpp"

namespace coracle::engine {

struct ContainerFiles {
  Record record;
  image::Image image;
  std::vector<std::string> lower;  // its image's layers, the lowest first
  std::string upper;
  std::optional<ContainerLock> lock;  // of one that does not run: nobody starts or removes it meanwhile
};

// Throws Error when there is no such container, or it starts or ends at this moment.
ContainerFiles find_files(Engine& engine, const std::string& container);

// Throws Error when the container ran and has ended since: then what was read of its files may be a part of them.
void check_whole(const ContainerFiles& files);

// What was changed above `lower`, without the places for mounts that every start makes (/proc, /etc/hosts, ...).
std::vector<parts::Change> changes(const std::string& upper, const std::vector<std::string>& lower);

// The same as the tar of a layer; image::pack().
parts::Bytes pack_changes(const std::string& upper, const std::vector<std::string>& lower);

// From its construction to its destruction the container's processes stand still, and no longer when we are killed: a
// process of its own, which hears our end, lets them go on. Does nothing when they stand still already. Only while this
// process has one thread.
class Pause {
 public:
  // Throws Error with ENOENT when the container has no cgroup.
  explicit Pause(const std::string& run_dir);
  ~Pause();
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

 private:
  void end() noexcept;

  kernel::Fd line_;  // its end is what the other process waits for
  kernel::Child thawing_;
};

}  // namespace coracle::engine
