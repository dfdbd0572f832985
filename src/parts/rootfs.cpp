// Part: rootfs. pivot_root(2), mount_namespaces(7), runtime-spec config.md "Root" and config-linux.md "Rootfs Mount
// Propagation".
#include "parts/rootfs.hpp"

#include <linux/sched.h>

#include "kernel/inode.hpp"
#include "kernel/mount.hpp"
#include "kernel/mountpoint.hpp"
#include "kernel/recorder.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

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
  }

  void enter(Context& context) override {
    const Fd directory = kernel::open(context.rootfs, O_PATH | O_DIRECTORY);
    if (options_.shared) make_parent_private(directory);
    kernel::move_mount(kernel::open_tree(directory, "", true), directory, context.rootfs);
  }

 private:
  // On a shared mount the mount of the root itself would show up on the host, and pivot_root refuses it.
  static void make_parent_private(const Fd& directory) {
    Fd parent = kernel::openat(directory, ".", O_PATH | O_DIRECTORY);
    while (!kernel::is_mount_root(parent)) parent = kernel::openat(parent, "..", O_PATH | O_DIRECTORY);
    kernel::mount_setattr(parent, {.propagation = MS_PRIVATE}, false);
  }

  RootfsOptions options_;
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
