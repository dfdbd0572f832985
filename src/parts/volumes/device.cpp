#include "parts/volumes/device.hpp"

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>
#include <vector>

#include <linux/mount.h>
#include <sys/file.h>

#include "kernel/error.hpp"
#include "kernel/mount.hpp"
#include "kernel/mountpoint.hpp"
#include "parts/volumes/named_volume.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;
using Words = std::map<std::string, std::string>;

struct Attribute {
  const char* word;
  unsigned set;
};

constexpr Attribute kAttributes[] = {{"ro", MOUNT_ATTR_RDONLY},
                                     {"nosuid", MOUNT_ATTR_NOSUID},
                                     {"nodev", MOUNT_ATTR_NODEV},
                                     {"noexec", MOUNT_ATTR_NOEXEC},
                                     {"noatime", MOUNT_ATTR_NOATIME},
                                     {"nodiratime", MOUNT_ATTR_NODIRATIME},
                                     {"rw", 0},
                                     {"relatime", 0},
                                     {"defaults", 0}};

// What stands behind -o, as the mount API wants it: attributes of the mount, and words for the file system.
struct Options {
  bool bind = false, recursive = false;
  unsigned attributes = 0;
  std::vector<std::pair<std::string, std::string>> words;
};

Options read_options(const VolumeDevice& device) {
  Options options;
  for (std::size_t at = 0; at < device.options.size();) {
    const std::size_t end = std::min(device.options.find(',', at), device.options.size());
    const std::string word = device.options.substr(at, end - at);
    at = end + 1;
    const auto known = std::find_if(std::begin(kAttributes), std::end(kAttributes),
                                    [&](const Attribute& attribute) { return word == attribute.word; });
    if (known != std::end(kAttributes)) {
      options.attributes |= known->set;
    } else if (word == "bind" || word == "rbind") {
      options.bind = true;
      options.recursive = word == "rbind";
    } else if (const std::size_t equals = word.find('='); equals != std::string::npos && equals > 0) {
      options.words.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    } else if (!word.empty()) {
      throw Error("read the option \"" + word + "\" of a volume", 0,
                  "write ro, nosuid, nodev, noexec, noatime, bind, rbind, or NAME=VALUE for the file system");
    }
  }
  return options;
}

Fd make_mount(const VolumeDevice& device) {
  Options options = read_options(device);
  if (options.bind) {
    Fd tree = kernel::open_tree(device.device, options.recursive);
    kernel::mount_setattr(tree, {.set = options.attributes, .propagation = MS_PRIVATE}, options.recursive);
    return tree;
  }
  options.words.emplace_back("source", device.device);
  return kernel::new_mount(device.type, options.words, options.attributes);
}

Fd open_users(const Fd& directory) { return kernel::openat(directory, "users", O_RDWR | O_CREAT | O_NOFOLLOW, 0600); }

}  // namespace

VolumeDevice parse_device(const Words& options) {
  static const std::set<std::string> known = {"type", "device", "o"};
  for (const auto& [name, value] : options) {
    if (!known.contains(name)) throw Error("invalid option: \"" + name + "\"", 0, "a volume has type, device and o");
  }
  if (options.empty()) return {};
  for (const char* name : {"type", "device"}) {
    if (!options.contains(name) || options.at(name).empty())
      throw Error(std::string("missing required option: \"") + name + "\"", 0);
  }
  VolumeDevice device{options.at("type"), options.at("device"), options.contains("o") ? options.at("o") : ""};
  const bool bind = read_options(device).bind;
  if (bind && (device.type != "none" || device.device[0] != '/'))
    throw Error("bind a volume to " + device.device, 0, "that needs type=none and the path of a directory");
  if (!bind && device.type != "tmpfs" && device.type != "nfs" && device.type != "nfs4")
    throw Error("make a volume of type " + device.type, 0, "the types are tmpfs, nfs, nfs4, and none with o=bind");
  return device;
}

Fd use_device(const std::string& path, const VolumeDevice& device) {
  const Fd directory = lock_volume(path);
  Fd users = open_users(directory);
  kernel::lock(users, LOCK_SH);
  const Fd data = open_volume_data(directory);
  if (kernel::is_mount_root(data)) return users;
  try {
    kernel::move_mount(make_mount(device), data, path + "/_data");
  } catch (const Error& error) {
    throw Error("mount the volume " + path + ": " + error.attempt(), error.code(), error.hint());
  }
  return users;
}

void leave_device(const std::string& path) {
  if (!kernel::exists(path + "/users")) return;
  const Fd directory = lock_volume(path);
  const Fd users = open_users(directory);
  if (!kernel::lock(users, LOCK_EX | LOCK_NB)) return;
  while (kernel::is_mount_root(open_volume_data(directory))) kernel::umount(path + "/_data", MNT_DETACH);
}

}  // namespace coracle::parts
