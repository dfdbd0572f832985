// Where the contestants meet: a network and a mount namespace that are the runner's own, and in it a tmpfs with the
// root file system, the images and the state of all of them. It ends with the runner.
#pragma once

#include <string>
#include <vector>

namespace coracle::bench {

// Leaves the host's mount and network namespaces for ones of our own, and mounts a tmpfs there, on a new directory in
// /tmp.
class PrivateTmpfs {
 public:
  PrivateTmpfs();
  PrivateTmpfs(const PrivateTmpfs&) = delete;
  PrivateTmpfs& operator=(const PrivateTmpfs&) = delete;
  ~PrivateTmpfs();
  std::string path;
};

// Somebody who is not root: an entry in the files of /etc as this mount namespace sees them, a data root and a run root
// of its own, with the image in it.
struct OrdinaryUser {
  unsigned uid = 0;                  // 0: there is none
  std::vector<std::string> coracle;  // the program with its options
};

struct Workspace {
  // Unpacks `archive`, the layer of the image busybox, as the root file system. From here on CORACLE_ROOT and
  // CORACLE_RUN lead into the workspace. Throws kernel::Error.
  explicit Workspace(const std::string& archive);

  PrivateTmpfs tmpfs;
  std::string programs;  // where this program was built: floor is beside it, coracle one directory above
  std::string archive;
  std::string root;               // what is in the archive
  std::string bridge = "floor0";  // made for the floor
  OrdinaryUser user;
  std::string gateway = "10.99.0.1";  // the bridge's address; its network has 16 bits
};

}  // namespace coracle::bench
