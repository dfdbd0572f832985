// What a container changed, read out of the upper directory of its overlay: a file that was copied up or made,
// a whiteout (character device 0:0) for one that was removed, an opaque directory for one that was replaced.
#pragma once

#include <string>
#include <vector>

namespace coracle::parts {

// One line of what a container changed: 'A'dded, 'C'hanged, 'D'eleted, as docker diff has it.
struct Change {
  char kind;
  std::string path;  // in the container: "/etc/hosts"

  bool operator==(const Change&) const = default;
};

// The changes, sorted by path. `lower` (the lowest first) tells added from changed. A directory in which something
// changed counts as changed; of a tree that was removed, or added, every name counts that is in `upper`.
std::vector<Change> diff(const std::string& upper, const std::vector<std::string>& lower);

}  // namespace coracle::parts
