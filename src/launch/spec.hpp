// What to run: plain structs in the words of the OCI runtime-spec. No behaviour, no descriptors.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "parts/cgroup.hpp"
#include "parts/confine.hpp"
#include "parts/layers.hpp"
#include "parts/mounts.hpp"
#include "parts/namespaces.hpp"
#include "parts/network.hpp"
#include "parts/network/pasta.hpp"
#include "parts/root.hpp"
#include "parts/rootfs.hpp"
#include "parts/terminal.hpp"
#include "parts/volumes.hpp"

namespace coracle::launch {

// The program (runtime-spec config.md, "Process").
struct Process {
  std::vector<std::string> args;
  std::vector<std::string> env;        // NAME=value; a missing PATH is given docker's default
  std::string cwd;                     // made when missing, as docker does; "" stays where the root part left us
  bool make_cwd = true;                // false: a missing one is an error, as docker exec has it
  std::string user;                    // NAME, UID, NAME:GROUP, UID:GID as docker run --user has it; "" stays root
  std::vector<gid_t> groups;           // supplementary ones, beside those of /etc/group
  bool exact_groups = false;           // `groups` alone: neither the user's own group nor those of /etc/group
  std::vector<std::string> group_add;  // the same, as the container's /etc/group calls them
  mode_t umask = 022;
  bool new_session = false;   // setsid(2): away from our terminal, so that its keys reach us alone
  bool init = false;          // a minimal init as pid 1: forwards signals, reaps orphans
  unsigned preserve_fds = 0;  // so many of our descriptors from 3 on stay open for it
};

// A container (runtime-spec config.md). A part that is absent here is absent in the container.
struct Spec {
  Process process;
  parts::NamespaceOptions namespaces;
  parts::CgroupLimits resources;
  parts::LayerOptions layers;
  parts::RootfsOptions rootfs;  // with a path there are no layers: this directory is the root
  parts::MountOptions mounts;
  std::optional<parts::PastaOptions> pasta;     // an ordinary user's network, in place of `networks`
  std::vector<parts::NetworkOptions> networks;  // none: no network part ("none" and "host" are namespace matters)
  parts::VolumeOptions volumes;
  std::optional<parts::TerminalOptions> terminal;
  parts::RootOptions root;
  parts::ConfineOptions confine;
};

}  // namespace coracle::launch
