#include "parts/root.hpp"

#include <linux/mount.h>
#include <linux/sched.h>

#include "kernel/mount.hpp"
#include "kernel/recorder.hpp"
#include "parts/root/move_root.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;

class Root final : public Part {
 public:
  explicit Root(RootOptions options) : options_(std::move(options)) {}

  Stage stage() const override { return Stage::root; }
  const char* name() const override { return "root"; }

  void prepare(Context& context) override {
    if (!options_.rootfs.empty()) context.rootfs = find_rootfs();
    // pivot_root changes the root of a whole mount namespace, so there must be one of our own.
    if (options_.with != RootOptions::With::chroot) context.clone_flags |= CLONE_NEWNS;
  }

  void enter(Context& context) override {
    // The root of a mount namespace that others live in stays.
    if (options_.with == RootOptions::With::chroot || context.host_mounts) {
      kernel::chroot(context.rootfs);
      kernel::chdir("/");
    } else if (options_.with == RootOptions::With::move) {
      move_root(context.rootfs);
    } else {
      pivot(context.rootfs);
    }
    if (options_.with == RootOptions::With::chroot) return;
    if (!is_private() && options_.propagation != 0) kernel::mount("", "/", "", options_.propagation);
    if (options_.readonly) kernel::mount_setattr(kernel::open("/", O_PATH), MOUNT_ATTR_RDONLY, 0, false);
  }

 private:
  std::string find_rootfs() const {
    const kernel::Fd directory = kernel::open(options_.rootfs, O_PATH);
    struct stat status {};
    kernel::attempt([&] { return fstat(directory.get(), &status); }, "fstat {}", options_.rootfs);
    if (!S_ISDIR(status.st_mode)) {
      throw Error("use " + options_.rootfs + " as the root", ENOTDIR,
                  "a root file system is a directory; unpack an archive with 05-layers");
    }
    std::string path(PATH_MAX, '\0');
    const ssize_t length =
        kernel::attempt([&] { return readlink(kernel::path_of(directory).c_str(), path.data(), path.size()); },
                        "readlink {}", options_.rootfs);
    path.resize(static_cast<std::size_t>(length));
    return path;
  }

  bool is_shared() const { return (options_.propagation & MS_SHARED) != 0; }
  bool is_private() const { return (options_.propagation & MS_PRIVATE) != 0; }
  void pivot(const std::string& rootfs) const;

  RootOptions options_;
};

// pivot_root(2): the new root must be a mount point, and it must not be shared.
void Root::pivot(const std::string& rootfs) const {
  if (is_private()) kernel::set_propagation("/", MS_PRIVATE);
  const kernel::Fd old_root = is_shared() ? kernel::open("/", O_PATH | O_DIRECTORY) : kernel::Fd();
  // Layers come as a mount already; a plain directory becomes one by being bound to itself.
  if (!options_.rootfs.empty()) kernel::mount(rootfs, rootfs, "", MS_BIND | MS_REC);
  kernel::chdir(rootfs);
  // "." twice: the old root ends up on top of the new one, at the same place, and needs no directory of its own.
  kernel::pivot_root(".", ".");
  // What is unmounted here must not be unmounted on the host.
  if (old_root) kernel::mount_setattr(old_root, {.propagation = MS_SLAVE}, true);
  kernel::umount(".", MNT_DETACH);
  kernel::chdir("/");
}

}  // namespace

std::unique_ptr<Part> make_root(RootOptions options) { return std::make_unique<Root>(std::move(options)); }

}  // namespace coracle::parts
