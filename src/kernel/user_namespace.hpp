// User namespaces as things of their own: which ids of it stand for which outside; user_namespaces(7).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "kernel/fd.hpp"

namespace coracle::kernel {

// `size` ids from `container` on are those from `host` on outside (runtime-spec config-linux.md, "User namespace
// mappings").
struct IdMapping {
  std::uint32_t container = 0, host = 0, size = 0;
};

// The text that /proc/PID/uid_map and gid_map take.
std::string id_map_text(const std::vector<IdMapping>& mappings);

// Writes the maps of the user namespace that the process `pid` is in: once, and from outside.
void write_id_maps(pid_t pid, const std::vector<IdMapping>& uids, const std::vector<IdMapping>& gids);

// The root of the user namespace that this process has just come into: all ids 0 and no supplementary groups.
void become_root_here();

// A user namespace in which nobody lives, for a mount that shows its files with other ids (mount_setattr(2), "ID-mapped
// mounts").
Fd make_user_namespace(const std::vector<IdMapping>& uids, const std::vector<IdMapping>& gids);

}  // namespace coracle::kernel
