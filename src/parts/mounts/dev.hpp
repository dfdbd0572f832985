// What is in /dev besides mounts: device nodes, and the links that programs expect.
#pragma once

#include <vector>

#include "kernel/fd.hpp"
#include "parts/mounts.hpp"

namespace coracle::parts {

// Makes the nodes; where the kernel lets nobody make one (in a user namespace) the host's own node is bound in.
// `own_dev`: a file system was mounted at /dev by us.
void make_devices(const kernel::Fd& root, const std::vector<Device>& devices, bool own_dev);

// An empty file /dev/console in our own /dev: where a terminal is mounted.
void make_console_place(const kernel::Fd& root);

// /dev/fd, /dev/stdin, ... and /dev/ptmx (runtime-spec runtime-linux.md, "Dev symbolic links").
void make_dev_links(const kernel::Fd& root, bool own_dev);

}  // namespace coracle::parts
