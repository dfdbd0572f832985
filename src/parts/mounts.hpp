// Part: mounts. The file systems that programs expect in any root (/proc, /sys, /dev): each of them shows
// one of the namespaces, so they are mounted anew for every container. Which, in which order and with which options
// is a list, in the words of the OCI runtime-spec (config.md, "Mounts"); docker's list is the default. With the files
// that other parts bind in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "kernel/user_namespace.hpp"
#include "parts/part.hpp"

namespace coracle::parts {

struct Mount {
  std::string destination;  // in the container
  std::string type;         // a file system's name; "bind" or anything when the options say bind
  std::string source;       // bind: an absolute path of the host
  std::vector<std::string> options = {};
  std::vector<kernel::IdMapping> uid_mappings = {}, gid_mappings = {};  // for the options idmap and ridmap
};

// A device node (runtime-spec config-linux.md, "Devices").
struct Device {
  std::string path;  // in the container
  char type = 'c';   // c (u), b, p
  unsigned major = 0, minor = 0;
  mode_t mode = 0666;
  uid_t uid = 0;
  gid_t gid = 0;
};

std::vector<Mount> default_mounts();  // docker's
std::vector<Device> default_nodes();  // those that the runtime-spec asks for

struct MountOptions {
  std::vector<Mount> mounts = default_mounts();  // in this order
  std::vector<Device> devices = default_nodes();
  std::vector<BoundFile> files = {};  // bound in, with those of Context::files
  bool console = false;               // an empty file /dev/console, for a terminal to be mounted on
  std::string directory = {};         // made when it is missing, while the root can still be written to; "" is none
};

std::unique_ptr<Part> make_mounts(MountOptions options = {});

// Throws Error for a mount that no kernel can make: options that exclude each other, a destination that is none, ...
void check_mount(const Mount& mount);

// The words that `options` may hold besides those of a file system, sorted ("features" of the runtime-spec).
std::vector<std::string> known_mount_options();

}  // namespace coracle::parts
