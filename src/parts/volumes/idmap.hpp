// Mounts that show files with other ids than they have: mount_setattr(2), "ID-mapped mounts".
#pragma once

#include <string>

#include "kernel/fd.hpp"

namespace coracle::parts {

// What `idmap` says in --mount: "owner", by which the owner of the source is root in the container and root its owner;
// or as podman has it, "uids=FILE-SEEN-COUNT#FILE-SEEN-COUNT;gids=...": COUNT ids from FILE on are seen as those from
// SEEN on, and ids that are not in it as nobody's. Throws Error for anything else.
void check_idmap(const std::string& idmap);

// The user namespace that says it, for the file `source`, which may be missing: made outside of the container, because
// it is written to by the number of a process. And the detached mount that shows its files so. Throw Error, the second
// where the file system cannot.
kernel::Fd make_idmap(const std::string& idmap, const std::string& source);
void apply_idmap(const kernel::Fd& tree, const kernel::Fd& user_namespace);

}  // namespace coracle::parts
