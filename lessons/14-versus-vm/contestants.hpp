// Who takes part: the program alone, the floor with more and more around it, coracle, and the peers that this machine
// has. All run the same program from the same root file system.
#pragma once

#include <string>
#include <vector>

#include "race.hpp"
#include "workspace.hpp"

namespace coracle::bench {

struct Field {
  std::vector<Contestant> contestants;
  std::vector<std::string> missing;  // peers that this machine has not got
};

// What the peers need beforehand (an image, a bundle) is made here. `program` is looked for in the root's /bin.
Field find_contestants(const Workspace& workspace, const Command& program);

// Those with a network of their own, whose start takes locks that all of them share.
std::vector<Contestant> networked(const Workspace& workspace, const Command& program);

// Unpack `archive` into `directory`: what an import does with a layer, and others.
std::vector<Contestant> unpackers(const Workspace& workspace, const std::string& archive, const std::string& directory);

}  // namespace coracle::bench
