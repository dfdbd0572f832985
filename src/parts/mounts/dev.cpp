#include "parts/mounts/dev.hpp"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel/mount.hpp"
#include "kernel/mountpoint.hpp"
#include "kernel/node.hpp"
#include "kernel/recorder.hpp"
#include "parts/mounts/attach.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

mode_t type_of(const Device& device) {
  if (device.type == 'b') return S_IFBLK;
  return device.type == 'p' ? S_IFIFO : S_IFCHR;
}

// An empty file of this name in a directory that nobody else has seen yet.
Fd make_file(const Fd& directory, const std::string& name) {
  kernel::mknodat(directory, name, S_IFREG | 0666, 0);
  return kernel::openat(directory, name, O_PATH | O_NOFOLLOW);
}

// The host's node of the same device, bound over an empty file: `name` in `own_dev`, or wherever its path leads.
void bind_host_device(const Fd& root, const Fd* own_dev, const std::string& name, const Device& device) {
  const Fd node = kernel::open(device.path, O_PATH);
  struct stat status {};
  kernel::attempt([&] { return fstat(node.get(), &status); }, "fstat {}", device.path);
  if ((status.st_mode & S_IFMT) != type_of(device) || status.st_rdev != makedev(device.major, device.minor)) {
    throw Error("make the device " + device.path, EPERM,
                "in a user namespace only a device that the host has under the same name can be given");
  }
  const Fd place = own_dev != nullptr ? make_file(*own_dev, name)
                                      : kernel::open_mountpoint(root, device.path, kernel::MountpointKind::file);
  kernel::move_mount(kernel::open_tree(node, "", false), place, device.path);
}

// False when the kernel does not let us (mknod(2), EPERM). What is there already stays.
bool make_node(const Fd& directory, const std::string& name, const Device& device) {
  const mode_t mode = type_of(device) | (device.mode & 07777U);
  const dev_t number = makedev(device.major, device.minor);
  const auto make = [&] { return ::mknodat(directory.get(), name.c_str(), mode, number); };
  if (kernel::note_call(make, "mknodat {}", device.path) < 0) {
    if (errno == EPERM) return false;
    if (errno != EEXIST) throw Error("make the device " + device.path, errno);
    return true;
  }
  if (device.uid + device.gid != 0) {
    const auto own = [&] {
      return ::fchownat(directory.get(), name.c_str(), device.uid, device.gid, AT_SYMLINK_NOFOLLOW);
    };
    kernel::attempt(own, "fchownat {}", device.path);
  }
  return true;
}

Fd open_dev(const Fd& root, bool own_dev) {
  return own_dev ? open_own_mount(root, "/dev") : kernel::open_top_directory(root, "dev");
}

}  // namespace

void make_devices(const Fd& root, const std::vector<Device>& devices, bool own_dev) {
  if (devices.empty()) return;
  const Fd dev = open_dev(root, own_dev);
  for (const Device& device : devices) {
    const std::size_t slash = device.path.rfind('/');
    const std::string parent = device.path.substr(0, slash);
    const std::string name = device.path.substr(slash + 1);
    const bool in_dev = parent == "/dev";
    const Fd elsewhere = in_dev ? Fd() : kernel::make_directories_in_root(root, parent);
    if (!make_node(in_dev ? dev : elsewhere, name, device))
      bind_host_device(root, in_dev && own_dev ? &dev : nullptr, name, device);
  }
}

void make_console_place(const Fd& root) {
  const Fd dev = open_dev(root, true);
  const auto make = [&] { return ::mknodat(dev.get(), "console", S_IFREG | 0600, 0); };
  if (kernel::note_call(make, "mknodat /dev/console") < 0 && errno != EEXIST)
    throw Error("make the file /dev/console", errno);
}

void make_dev_links(const Fd& root, bool own_dev) {
  const Fd dev = open_dev(root, own_dev);
  const auto link = [&](const char* text, const char* name) {
    const auto call = [&] { return ::symlinkat(text, dev.get(), name); };
    if (kernel::note_call(call, "symlinkat {} -> {}", name, text) < 0 && errno != EEXIST)
      throw Error(fmt::format("make the link /dev/{}", name), errno);
  };
  link("/proc/self/fd", "fd");
  link("/proc/self/fd/0", "stdin");
  link("/proc/self/fd/1", "stdout");
  link("/proc/self/fd/2", "stderr");
  link("pts/ptmx", "ptmx");
}

}  // namespace coracle::parts
