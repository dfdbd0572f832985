// A named volume that is a mount of its own: the first container that uses it mounts it on DIRECTORY/_data, where all
// others find it, and the last one unmounts it. Who uses it has a shared lock on DIRECTORY/users (flock(2)), which the
// kernel lets go of when its holder is killed.
#pragma once

#include <string>

#include "kernel/fd.hpp"
#include "parts/volumes.hpp"

namespace coracle::parts {

// Mounts it unless it is mounted. Gives the lock, to be held for as long as the container is there.
kernel::Fd use_device(const std::string& directory, const VolumeDevice& device);

// Unmounts it when nobody uses it any more. Whoever calls it has closed the lock of its own.
void leave_device(const std::string& directory);

}  // namespace coracle::parts
