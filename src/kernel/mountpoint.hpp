// Where a mount goes in a root file system that somebody else wrote: found, and made when missing, by descriptor
// and inside that root alone. openat2(2); CVE-2019-19921, CVE-2021-30465, CVE-2024-45310, CVE-2026-41579 are
// what happens when a path is used.
#pragma once

#include <string>

#include "kernel/fd.hpp"

namespace coracle::kernel {

// A directory at the top of the root ("proc"), opened O_PATH, made when missing. Throws when it is a link:
// what is mounted here is looked for by exactly this name, so it may not be elsewhere.
Fd open_top_directory(const Fd& root, const std::string& name);

enum class MountpointKind { directory, file };

// The place that `path` leads to, opened O_PATH. Links are followed, inside the root. When it is missing,
// it is made with its parents (0755), as an empty directory or an empty file (0644). Throws when it leads to the
// root itself or into a procfs: nothing may be mounted over these.
Fd open_mountpoint(const Fd& root, const std::string& path, MountpointKind kind);

// Throws when `place` is in a procfs; `path` is what the error calls it.
void refuse_proc(const Fd& place, const std::string& path);

// Whether this descriptor stands for the root of a mount (statx(2), STATX_ATTR_MOUNT_ROOT).
bool is_mount_root(const Fd& fd);

}  // namespace coracle::kernel
