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

// The words of one command after those of another.
Command operator+(Command command, const Command& more);

// The path of a program of this machine; "" when it has none. The directories of $PATH, and those where root's are.
std::string find_in_path(const std::string& name);

// The path of coracle or coracle-oci, built beside us; "" when it is not.
std::string find_door(const Workspace& workspace, const std::string& name);

// What the peers need beforehand (an image, a bundle) is made here. `program` is looked for in the root's /bin.
Field find_contestants(const Workspace& workspace, const Command& program);

// Those with a network of their own, whose start takes locks that all of them share.
std::vector<Contestant> networked(const Workspace& workspace, const Command& program);

// `coracle run` with and without a filter, with and without a terminal, by root and by an ordinary user.
std::vector<Contestant> doors(const Workspace& workspace, const Command& program);

// Unpack `archive` into `directory`: what an import does with a layer, and others.
std::vector<Contestant> unpackers(const Workspace& workspace, const std::string& archive, const std::string& directory);

}  // namespace coracle::bench
