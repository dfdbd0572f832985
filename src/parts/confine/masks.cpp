#include "parts/confine/masks.hpp"

#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kernel/mount.hpp"
#include "kernel/recorder.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

struct stat status_of(const Fd& fd, const std::string& name) {
  struct stat status {};
  kernel::attempt([&] { return fstat(fd.get(), &status); }, "fstat {}", name);
  return status;
}

// Whoever wrote the root file system may have put something else there, and then it is that what would be mounted over
// the masked path, for writing (CVE-2025-31133).
Fd open_null_device(const Fd& root) {
  Fd null = kernel::find_in_root(root, "/dev/null", O_PATH, RESOLVE_NO_SYMLINKS);
  if (!null) throw Error("open the container's /dev/null", ENOENT, "files are masked with it");
  const struct stat status = status_of(null, "/dev/null");
  if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3)) return null;
  throw Error("mask with the container's /dev/null", EPERM, "it is not the null device (character device 1:3)");
}

// One empty, read-only tmpfs: mounted at the first place, and bound to all others. Every file system of its own would
// have to be taken down at the end.
class Masks {
 public:
  explicit Masks(const Fd& root) : root_(root) {}

  void mask(const Fd& place, const std::string& path) {
    if (!S_ISDIR(status_of(place, path).st_mode)) {
      if (!null_) null_ = open_null_device(root_);
      return kernel::move_mount(kernel::open_tree(null_, "", false), place, path);
    }
    if (empty_) return kernel::move_mount(kernel::open_tree(empty_, "", false), place, path);
    empty_ = kernel::new_mount("tmpfs", {{"size", "0k"}, {"mode", "755"}},
                               MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    kernel::move_mount(empty_, place, path);
  }

 private:
  const Fd& root_;
  Fd null_, empty_;
};

}  // namespace

void mask_paths(const std::vector<std::string>& paths) {
  const Fd root = kernel::open("/", O_PATH | O_DIRECTORY);
  Masks masks(root);
  for (const std::string& path : paths) {
    if (const Fd place = kernel::find_in_root(root, path, O_PATH)) masks.mask(place, path);
  }
}

void make_readonly(const std::vector<std::string>& paths) {
  const Fd root = kernel::open("/", O_PATH | O_DIRECTORY);
  for (const std::string& path : paths) {
    const Fd place = kernel::find_in_root(root, path, O_PATH);
    if (!place) continue;
    const Fd tree = kernel::open_tree(place, "", true);
    kernel::mount_setattr(tree, MOUNT_ATTR_RDONLY, 0, true);
    kernel::move_mount(tree, place, path);
  }
}

std::vector<std::string> docker_masked_paths() {
  std::vector<std::string> paths = {"/proc/acpi",
                                    "/proc/asound",
                                    "/proc/interrupts",
                                    "/proc/kcore",
                                    "/proc/keys",
                                    "/proc/latency_stats",
                                    "/proc/sched_debug",
                                    "/proc/scsi",
                                    "/proc/timer_list",
                                    "/proc/timer_stats",
                                    "/sys/devices/virtual/powercap",
                                    "/sys/firmware"};
  // What a processor's temperature tells of its neighbours (GHSA-6fw5-f8r9-fgfm). All processors have it, or none.
  const std::string cpu = "/sys/devices/system/cpu/cpu";
  for (int number = 0; kernel::exists(fmt::format("{}{}/thermal_throttle", cpu, number)); ++number) {
    paths.push_back(fmt::format("{}{}/thermal_throttle", cpu, number));
  }
  return paths;
}

std::vector<std::string> docker_readonly_paths() {
  return {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
}

}  // namespace coracle::parts
