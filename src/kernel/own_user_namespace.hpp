// The user namespace that a process moves into by itself, to be root in it: user_namespaces(7), newuidmap(1),
// subuid(5).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "kernel/fd.hpp"
#include "kernel/process.hpp"
#include "kernel/user_namespace.hpp"

namespace coracle::kernel {

using IdMap = std::vector<IdMapping>;

// Moves this process, which has one thread, into a new user namespace, in which it has every capability. newuidmap(1)
// and newgidmap(1), which are setuid, write the maps. They take longer than all else, so both run at the same time,
// and beside what this process does until it asks for the end. Until then nobody is mapped: no user, no owner of a file
// can be told from another.
class NewUserNamespace {
 public:
  NewUserNamespace(const IdMap& uids, const IdMap& gids);

  // Waits until the maps are written. Throws Error with what the two say when they refuse.
  void finish();

 private:
  class MapWriter {
   public:
    MapWriter(const char* program, const IdMap& map, const Fd& gate, Fd& gate_opener);
    void finish();

   private:
    const char* program_;
    Fd said_;
    Child child_;
  };

  Fd gate_, gate_opener_;
  std::optional<MapWriter> uids_, gids_;
};

// Moves this process into a new user namespace with a map that needs no helper: this user and this group are 0 inside,
// and nobody else is anybody. setgroups(2) is denied there, as the kernel asks for it (CVE-2014-8989).
void enter_user_namespace_alone();

// Whether ids are here what they are on the host: the map is the identity of all of them.
bool in_first_user_namespace();

// The extended attributes in which overlayfs keeps its notes: "trusted.overlay." or, for a mount in a user namespace
// with the option userxattr (Linux 5.11), "user.overlay.".
std::string overlay_xattr(const std::string& name);

// Whether the id `id` stands for anybody here. What is not mapped cannot own a file here.
bool uid_is_mapped(uid_t id);
bool gid_is_mapped(gid_t id);

// Whether setgroups(2) is denied in this user namespace for good.
bool setgroups_is_denied();

// The ranges that a file like /etc/subuid gives to a user: lines of NAME:FIRST:COUNT, or UID:FIRST:COUNT. The ids of
// the container are counted from 1 on. Empty when the file is not there or gives none.
IdMap subordinate_ids(const std::string& file, uid_t uid, const std::string& name);

// The file that PATH, or else /usr/bin, has under this name; "" when there is none.
std::string find_program(const std::string& name);

// Why newuidmap or newgidmap (`program`) cannot be used; nothing when it can: it is in the PATH, and setuid.
std::optional<std::string> why_no_map_writer(const std::string& program);

// The setting of this host that forbids user namespaces to users, and how it is changed; "" when there is none.
std::string user_namespace_switch();

}  // namespace coracle::kernel
