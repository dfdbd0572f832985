// Who the program runs as: docker's --user, read against the container's own /etc/passwd and /etc/group.
#pragma once

#include <string>

#include "parts/part.hpp"

namespace coracle::launch {

using parts::User;

// Reads "", NAME, UID, NAME:GROUP, UID:GID. Call it inside the container's root, or with a descriptor of that: its
// files are read as regular files of at most 1 MiB, whatever stands there. Numbers are never looked up as names
// (CVE-2026-46680); they go from 0 to 2^31-1 (CVE-2024-40635). Throws Error for anything else.
User find_user(const std::string& text, const kernel::Fd* root = nullptr);

// The number of a group, NAME or GID, in the same way.
gid_t find_group(const std::string& group);

}  // namespace coracle::launch
