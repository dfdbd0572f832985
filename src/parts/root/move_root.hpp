// Another root without pivot_root(2), for a host whose own root is the initial ramdisk, which cannot be exchanged.
#pragma once

#include <string>

namespace coracle::parts {

// Moves the mount at `rootfs` over "/" and makes it our root.
void move_root(const std::string& rootfs);

}  // namespace coracle::parts
