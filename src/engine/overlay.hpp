// Layers mounted for this process alone, to look at a container's files or to make an image's: in a mount namespace of
// its own, so that nothing stays mounted however the process ends; mount_namespaces(7).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "parts/part.hpp"

namespace coracle::engine {

// From here on this process mounts for itself alone.
void begin_own_mounts();

class Overlay {
 public:
  // Mounts the layers (the lowest first; none is an empty root) with what is written above them in a new directory
  // below `parent`. Call begin_own_mounts() before.
  Overlay(const std::string& parent, std::vector<std::string> lower);
  ~Overlay();
  Overlay(const Overlay&) = delete;
  Overlay& operator=(const Overlay&) = delete;

  const std::string& root() const { return context_.rootfs; }
  std::string upper() const { return context_.run_dir + "/upper"; }
  const std::vector<std::string>& lower() const { return lower_; }

 private:
  std::vector<std::string> lower_;
  parts::Context context_;
};

}  // namespace coracle::engine
