// Part: rootfs. A directory that becomes the root as it is, without layers: the "root" of an OCI bundle. It is bound on
// itself before anything is mounted in it, for pivot_root(2) wants a mount.
#pragma once

#include <cstdint>
#include <string>

#include "parts/part.hpp"

namespace coracle::parts {

struct RootfsOptions {
  std::string path;  // a directory of the host
  bool shared =
      false;  // the mounts of the container's mount namespace are shared with the host's until its root changes
  // There is no mount namespace for the container: its mounts stand on the host, below its run directory, until
  // release.
  bool host_mounts = false;
};

std::unique_ptr<Part> make_rootfs(RootfsOptions options);

// The word of linux.rootfsPropagation ("rslave"). Throws Error for another.
std::uint64_t parse_propagation(const std::string& word);

}  // namespace coracle::parts
