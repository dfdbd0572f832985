// Part: root. Another "/" for the container: chroot(2), or pivot_root(2) which cannot be broken out of, or a mount
// moved over the old root where pivot_root is not possible.
#pragma once

#include <cstdint>
#include <string>

#include <sys/mount.h>

#include "parts/part.hpp"

namespace coracle::parts {

struct RootOptions {
  enum class With { chroot, pivot_root, move } with = With::pivot_root;
  std::string rootfs;     // a directory; "" takes the one that the layers made
  bool readonly = false;  // the root itself; what is mounted on it stays as it is
  // Of the container's mounts in the end: MS_SHARED, ... with or without MS_REC; 0 leaves them as the parts made them.
  std::uint64_t propagation = MS_PRIVATE | MS_REC;
};

std::unique_ptr<Part> make_root(RootOptions options);

}  // namespace coracle::parts
