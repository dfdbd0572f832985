#include "parts/root/move_root.hpp"

#include <sstream>
#include <vector>

#include "kernel/mount.hpp"
#include "kernel/recorder.hpp"

namespace coracle::parts {
namespace {

// Where the host has a proc or a sysfs as a whole, the latest mount first. A line of the table is "ID PARENT DEVICE
// ROOT MOUNTPOINT OPTIONS ... - TYPE SOURCE SUPER_OPTIONS" (proc(5)).
std::vector<std::string> kernel_views(const std::string& rootfs) {
  std::vector<std::string> views;
  std::istringstream lines(kernel::read_file("/proc/self/mountinfo", 16U << 20U));
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" - proc ") == std::string::npos && line.find(" - sysfs ") == std::string::npos) continue;
    std::istringstream words(line);
    std::string skipped, root, point;
    words >> skipped >> skipped >> skipped >> root >> point;
    if (root == "/" && point.compare(0, rootfs.size(), rootfs) != 0) views.insert(views.begin(), point);
  }
  return views;
}

}  // namespace

// switch_root(8) does the same. What lies below the moved mount stays there, and whoever breaks out of the chroot must
// not find a proc or a sysfs without masks in it.
void move_root(const std::string& rootfs) {
  for (const std::string& view : kernel_views(rootfs)) {
    const auto unmount = [&] { return ::umount2(view.c_str(), MNT_DETACH); };
    if (kernel::note_call(unmount, "umount2 {}", view) == 0) continue;
    if (errno != EINVAL && errno != EPERM) throw kernel::Error("umount2 " + view, errno);
    kernel::mount("tmpfs", view, "tmpfs", 0);  // a mount that user namespaces hold locked is covered
  }
  kernel::chdir(rootfs);
  kernel::mount(rootfs, "/", "", MS_MOVE);
  kernel::chroot(".");
  kernel::chdir("/");
}

}  // namespace coracle::parts
