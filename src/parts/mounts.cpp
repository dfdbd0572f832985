// Part: mounts. /proc, /sys, /dev and what is in it, as docker mounts them (runtime-spec config-linux.md, "Default
// Filesystems" and "Default Devices"); proc(5), sysfs(5), devpts in pts(4), shm_overview(7), mq_overview(7).
//
// The root file system belongs to somebody else: /dev may be a link to anywhere. So every place is opened first
// and mounted on by descriptor.
#include "parts/mounts.hpp"

#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "kernel/mount.hpp"
#include "kernel/mountpoint.hpp"
#include "kernel/node.hpp"
#include "kernel/recorder.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr unsigned long kNothingRuns = MS_NOSUID | MS_NOEXEC | MS_NODEV;

class Mounts final : public Part {
 public:
  explicit Mounts(MountOptions options) : options_(std::move(options)) {}

  Stage stage() const override { return Stage::mounts; }
  const char* name() const override { return "mounts"; }

  void prepare(Context& context) override {
    alone_ = (context.clone_flags & CLONE_NEWNS) == 0;
    context.clone_flags |= CLONE_NEWNS;  // never over the host's own /proc
  }

  void enter(Context& context) override {
    if (alone_) kernel::set_propagation("/", MS_PRIVATE);  // else the part `namespaces` has done so
    const Fd root = kernel::open(context.rootfs, O_PATH | O_DIRECTORY);
    const Fd before = kernel::open(".", O_PATH | O_DIRECTORY);
    const kernel::NoUmask exact;
    if (options_.proc) mount_top(root, "proc", "proc", kNothingRuns);
    if (options_.sys) mount_top(root, "sys", "sysfs", kNothingRuns | MS_RDONLY);
    if (options_.dev) {
      mount_top(root, "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
      fill_dev(open_own_dev(root));
    }
    kernel::fchdir(before);
    for (const BoundFile& file : options_.files) bind_file(root, file);
    for (const BoundFile& file : context.files) bind_file(root, file);
  }

  // release: nothing. The mounts end with the last process of their namespace.

 private:
  static void mount_top(const Fd& root, const std::string& name, const char* type, unsigned long flags,
                        const std::string& data = {});
  static Fd open_own_dev(const Fd& root);
  static void fill_dev(const Fd& dev);
  static void bind_file(const Fd& root, const BoundFile& file);

  MountOptions options_;
  bool alone_ = false;
};

void Mounts::mount_top(const Fd& root, const std::string& name, const char* type, unsigned long flags,
                       const std::string& data) {
  const Fd place = kernel::open_top_directory(root, name);
  kernel::mount(type, place, "/" + name, type, flags, data);
}

// The tmpfs just mounted. A root file system shared with a running container can change under us: what is found at
// /dev now must still be a mount, and mounts in this namespace are ours.
Fd Mounts::open_own_dev(const Fd& root) {
  Fd dev = kernel::open_top_directory(root, "dev");
  if (!kernel::is_mount_root(dev)) throw Error("open /dev", EAGAIN, "somebody replaced it while it was mounted");
  return dev;
}

void Mounts::fill_dev(const Fd& dev) {
  struct Node {
    const char* name;
    unsigned major, minor;  // the kernel's Documentation/admin-guide/devices.txt
  };
  for (const Node& node : {Node{"null", 1, 3}, Node{"zero", 1, 5}, Node{"full", 1, 7}, Node{"random", 1, 8},
                           Node{"urandom", 1, 9}, Node{"tty", 5, 0}}) {
    kernel::mknodat(dev, node.name, S_IFCHR | 0666, makedev(node.major, node.minor));
  }
  kernel::symlinkat("/proc/self/fd", dev, "fd");
  kernel::symlinkat("/proc/self/fd/0", dev, "stdin");
  kernel::symlinkat("/proc/self/fd/1", dev, "stdout");
  kernel::symlinkat("/proc/self/fd/2", dev, "stderr");
  kernel::symlinkat("pts/ptmx", dev, "ptmx");

  // Nobody else sees this tmpfs yet, so names in it lead where they say.
  kernel::fchdir(dev);
  const auto mount_below = [&](const std::string& name, const char* type, unsigned long flags, const char* data) {
    kernel::mkdirat(dev, name, 0755);
    kernel::mount(type, name, type, flags, data);
  };
  // The group 5 is tty in every distribution: write(1) and mesg(1) count on it.
  mount_below("pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
  mount_below("shm", "tmpfs", kNothingRuns, "mode=1777,size=65536k");
  mount_below("mqueue", "mqueue", kNothingRuns, "");
}

void Mounts::bind_file(const Fd& root, const BoundFile& file) {
  const Fd place = kernel::open_mountpoint(root, file.destination, kernel::MountpointKind::file);
  kernel::move_mount(kernel::open_tree(file.source, false), place, file.destination);
}

}  // namespace

std::unique_ptr<Part> make_mounts(MountOptions options) { return std::make_unique<Mounts>(std::move(options)); }

}  // namespace coracle::parts
