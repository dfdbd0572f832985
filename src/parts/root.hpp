// Part: root. Another "/" for the container: chroot(2), or pivot_root(2) which cannot be broken out of.
#pragma once

#include <string>

#include "parts/part.hpp"

namespace coracle::parts {

struct RootOptions {
  enum class With { chroot, pivot_root } with = With::pivot_root;
  std::string rootfs;     // a directory; "" takes the one that the layers made
  bool readonly = false;  // the root itself; what is mounted on it stays as it is
};

std::unique_ptr<Part> make_root(RootOptions options);

}  // namespace coracle::parts
