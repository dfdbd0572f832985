// Part: mounts. The file systems that programs expect in any root (/proc, /sys, /dev): each of them shows
// one of the namespaces, so they are mounted anew for every container. With the files that other parts bind in.
#pragma once

#include "parts/part.hpp"

namespace coracle::parts {

struct MountOptions {
  bool proc = true;                   // shows the pid namespace
  bool sys = true;                    // shows the network namespace; read-only
  bool dev = true;                    // tmpfs with the standard nodes, pts, shm, mqueue
  std::vector<BoundFile> files = {};  // bound in, with those of Context::files
};

std::unique_ptr<Part> make_mounts(MountOptions options = {});

}  // namespace coracle::parts
