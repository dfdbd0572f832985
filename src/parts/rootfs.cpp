// Part: rootfs. pivot_root(2), mount_namespaces(7), runtime-spec config.md "Root" and config-linux.md "Rootfs Mount
// Propagation". Without a mount namespace the container's mounts are the host's: they stand in the run directory, where
// nobody else mounts anything and release finds them, and chroot(2) must do.
#include "parts/rootfs.hpp"

#include <linux/sched.h>
#include <unistd.h>

#include "kernel/inode.hpp"
#include "kernel/mount.hpp"
#include "kernel/mountpoint.hpp"
#include "kernel/recorder.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr const char* kPlace = "/root-on-host";  // in the run directory; no other part may remove it

class Rootfs final : public Part {
 public:
  explicit Rootfs(RootfsOptions options) : options_(std::move(options)) {}

  Stage stage() const override { return Stage::layers; }
  const char* name() const override { return "rootfs"; }

  void prepare(Context& context) override {
    context.clone_flags |= CLONE_NEWNS;
    const Fd directory = kernel::open(options_.path, O_PATH);
    struct stat status {};
    kernel::attempt([&] { return fstat(directory.get(), &status); }, "fstat {}", options_.path);
    if (!S_ISDIR(status.st_mode))
      throw Error("use " + options_.path + " as the root", ENOTDIR, "a root file system is a directory");
    context.rootfs = kernel::real_path(directory);
    if (context.rootfs == "/") throw Error("use " + options_.path + " as the root", 0, "it is the host's own root");
    if (options_.host_mounts) mount_on_host(directory, context);
  }

  void enter(Context& context) override {
    if (options_.host_mounts) return;
    const Fd directory = kernel::open(context.rootfs, O_PATH | O_DIRECTORY);
    if (options_.shared) make_parent_private(directory);
    kernel::move_mount(kernel::open_tree(directory, "", true), directory, context.rootfs);
  }

  // Who enters a mount namespace comes to the root of it, which is the host's: the container's is entered by itself.
  void join(Context& context) override {
    if (!options_.host_mounts) return;
    root_ = kernel::open(context.run_dir + kPlace, O_PATH | O_DIRECTORY);
    context.between.emplace_back([this] {
      kernel::fchdir(root_);
      kernel::chroot(".");
    });
  }

  std::string release(Context& context) noexcept override {
    try {
      const std::string place = context.run_dir + kPlace;
      if (kernel::exists(place)) unmount(place);
      return {};
    } catch (const Error& error) {
      return error.what();
    }
  }

 private:
  static void mount_on_host(const Fd& directory, Context& context) {
    context.existing |= CLONE_NEWNS;
    context.host_mounts = true;
    const std::string place = context.run_dir + kPlace;
    kernel::make_directories(place, 0700);
    const Fd target = kernel::open(place, O_PATH | O_DIRECTORY);
    context.rootfs = kernel::real_path(target);
    const Fd tree = kernel::open_tree(directory, "", true);
    // What is mounted in it must not show up in the host's mounts of which it is a copy; and once more, because what is
    // attached to a shared mount becomes shared (mount_namespaces(7)).
    kernel::mount_setattr(tree, {.propagation = MS_PRIVATE}, true);
    kernel::move_mount(tree, target, place);
    kernel::mount_setattr(tree, {.propagation = MS_PRIVATE}, true);
  }

  // A start that was killed may have made the directory alone (EINVAL).
  static void unmount(const std::string& place) {
    const auto unmount = [&] { return ::umount2(place.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW); };
    if (kernel::note_call(unmount, "umount2 {}", place) != 0 && errno != EINVAL) throw Error("umount2 " + place, errno);
    kernel::attempt([&] { return rmdir(place.c_str()); }, "rmdir {}", place);
  }

  // On a shared mount the mount of the root itself would show up on the host, and pivot_root refuses it.
  static void make_parent_private(const Fd& directory) {
    Fd parent = kernel::openat(directory, ".", O_PATH | O_DIRECTORY);
    while (!kernel::is_mount_root(parent)) parent = kernel::openat(parent, "..", O_PATH | O_DIRECTORY);
    kernel::mount_setattr(parent, {.propagation = MS_PRIVATE}, false);
  }

  RootfsOptions options_;
  Fd root_;  // of the container that is joined
};

}  // namespace

std::unique_ptr<Part> make_rootfs(RootfsOptions options) { return std::make_unique<Rootfs>(std::move(options)); }

std::uint64_t parse_propagation(const std::string& word) {
  const bool recursive = word.size() > 1 && word[0] == 'r';
  const std::string type = word.substr(recursive ? 1 : 0);
  const std::uint64_t below = recursive ? 0UL + MS_REC : 0UL;
  if (type == "shared") return MS_SHARED | below;
  if (type == "slave") return MS_SLAVE | below;
  if (type == "private") return MS_PRIVATE | below;
  if (type == "unbindable") return MS_UNBINDABLE | below;
  throw Error("read the propagation \"" + word + "\"", 0,
              "allowed are shared, slave, private and unbindable, each also with an r before it");
}

}  // namespace coracle::parts
