// coracle-oci beside the runtime that others have: what podman and containerd do must not depend on which they call.
#pragma once

#include "e2e/home.hpp"
#include "support/bundle.hpp"

namespace coracle::test {

inline bool has_program(const std::string& name) { return run({"sh", "-c", "command -v " + name}).status == 0; }

// coracle-oci, and runc where it is installed.
inline Words runtimes() {
  Words paths = {coracle_oci()};
  const Result found = run({"sh", "-c", "command -v runc"});
  if (found.status == 0) paths.push_back(found.out.substr(0, found.out.find('\n')));
  return paths;
}

// Removes the control groups of the name at the top of every hierarchy, which the callers of runtimes leave behind.
inline void remove_groups(const std::string& name) {
  run({"sh", "-c",
       "for top in /sys/fs/cgroup /sys/fs/cgroup/*; do find \"$top/" + name +
           "\" -depth -type d -exec rmdir {} + 2>/dev/null; done; true"});
}

}  // namespace coracle::test
