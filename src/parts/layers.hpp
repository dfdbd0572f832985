// Part: layers. A root file system made of read-only directories stacked with overlayfs, and one writable
// directory on top that keeps what the container changes.
#pragma once

#include <string>
#include <vector>

#include "parts/layers/diff.hpp"
#include "parts/part.hpp"

namespace coracle::parts {

struct LayerOptions {
  std::vector<std::string> lower;  // directories of unpacked layers, the lowest first
  // An existing directory of this container alone: upper/ and work/ are made in it, and removed. "" means run_dir.
  // Its file system must not be overlayfs.
  std::string scratch_dir;
  // upper/ outlives the container, and the next start with this directory goes on with it. Then what is written is safe
  // on the disk when the program asks for that.
  bool keep = false;
};

// `changes`, when given, is filled by release(): what the container had changed in the end.
std::unique_ptr<Part> make_layers(LayerOptions options, std::vector<Change>* changes = nullptr);

}  // namespace coracle::parts
