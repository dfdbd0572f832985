// Part: layers. A root file system made of read-only directories stacked with overlayfs, and one writable
// directory on top that keeps what the container changes.
#pragma once

#include <string>
#include <vector>

#include "parts/part.hpp"

namespace coracle::parts {

struct LayerOptions {
  std::vector<std::string> lower;  // directories of unpacked layers, the lowest first
  // Holds upper/ and work/, made and removed by this part; "" means run_dir. Not on overlayfs itself.
  std::string scratch_dir;
};

std::unique_ptr<Part> make_layers(LayerOptions options);

// One line of what a container changed: 'A'dded, 'C'hanged, 'D'eleted, as docker diff has it.
struct Change {
  char kind;
  std::string path;
};

// Reads the changes out of the upper directory of a container. `lower` tells added from changed.
std::vector<Change> diff(const std::string& upper, const std::vector<std::string>& lower);

}  // namespace coracle::parts
