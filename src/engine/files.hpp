// The files of running containers: what a container changed, and all that it sees.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/records.hpp"
#include "parts/layers/diff.hpp"
#include "parts/unpack/decoder.hpp"

namespace coracle::engine {

struct ContainerFiles {
  Record record;
  image::Image image;
  std::vector<std::string> lower;  // its image's layers, the lowest first
  std::string upper;
};

// Throws Error when there is no such container, or it has ended.
ContainerFiles find_files(Engine& engine, const std::string& container);

// Throws Error when the container has ended since: then what was read of its files may be a part of them.
void check_whole(const ContainerFiles& files);

// What was changed above `lower`, without the places for mounts that every start makes (/proc, /etc/hosts, ...).
std::vector<parts::Change> changes(const std::string& upper, const std::vector<std::string>& lower);

// The same as the tar of a layer; image::pack().
parts::Bytes pack_changes(const std::string& upper, const std::vector<std::string>& lower);

// From its construction to its destruction the container's processes stand still. Does nothing when they do already.
class Pause {
 public:
  // Throws Error with ENOENT when the container has no cgroup.
  explicit Pause(std::string run_dir);
  ~Pause();
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

 private:
  std::string run_dir_;
  bool was_frozen_;
};

}  // namespace coracle::engine
