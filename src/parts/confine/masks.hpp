// What /proc and /sys show of the host and its devices: hidden, or not to be written.
#pragma once

#include <string>
#include <vector>

namespace coracle::parts {

// In the process's own root. What is not there needs no mask. A directory becomes an empty one, a file the null device
// (runtime-spec config-linux.md, "Masked Paths").
void mask_paths(const std::vector<std::string>& paths);

// Whole trees; what is not there is passed over ("Readonly Paths").
void make_readonly(const std::vector<std::string>& paths);

// Docker's masked paths and read-only paths (moby: daemon/pkg/oci/defaults.go), as far as this machine has them.
std::vector<std::string> docker_masked_paths();
std::vector<std::string> docker_readonly_paths();

}  // namespace coracle::parts
