// The options of a mount, as mount(8) and the OCI runtime-spec (config.md, "Linux mount options") have them, read into
// what the kernel takes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace coracle::parts {

struct MountFlags {
  struct Propagation {
    std::uint64_t type;  // MS_SHARED, ...
    bool recursive;
  };

  bool bind = false, remount = false;
  bool recursive = false;                        // rbind
  unsigned long flags = 0;                       // MS_*: for a new file system
  std::uint64_t set = 0, clear = 0;              // MOUNT_ATTR_*: the same for a mount that is there
  std::uint64_t set_below = 0, clear_below = 0;  // MOUNT_ATTR_*: for it and all mounts below it
  std::vector<Propagation> propagation;          // in this order
  bool copy_up = false;                          // tmpcopyup
  bool idmap = false, idmap_recursive = false;
  std::string data;  // what is left, for the file system itself
};

MountFlags read_mount_options(const std::vector<std::string>& options);

}  // namespace coracle::parts
