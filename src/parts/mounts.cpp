// Part: mounts. What the root of a container needs besides files: /proc, /sys, /dev and what is in it, and whatever
// else config.json lists (runtime-spec config.md, "Mounts"; config-linux.md, "Default Filesystems", "Devices");
// proc(5), sysfs(5), devpts in pts(4), shm_overview(7), mq_overview(7).
//
// The root file system belongs to somebody else: /dev may be a link to anywhere. So every place is opened first
// and mounted on by descriptor.
#include "parts/mounts.hpp"

#include <algorithm>

#include <linux/mount.h>
#include <linux/sched.h>
#include <sys/mount.h>

#include "kernel/mount.hpp"
#include "kernel/mountpoint.hpp"
#include "kernel/node.hpp"
#include "kernel/recorder.hpp"
#include "parts/mounts/attach.hpp"
#include "parts/mounts/dev.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

class Mounts final : public Part {
 public:
  explicit Mounts(MountOptions options) : options_(std::move(options)) {
    for (const Mount& mount : options_.mounts) flags_.push_back(read_mount_options(mount.options));
    taken_.resize(flags_.size());
  }

  Stage stage() const override { return Stage::mounts; }
  const char* name() const override { return "mounts"; }

  void prepare(Context& context) override {
    alone_ = (context.clone_flags & CLONE_NEWNS) == 0;
    context.clone_flags |= CLONE_NEWNS;  // never over the host's own /proc
    cgroup_namespace_ = cgroup_namespace();
    // Who is root in a user namespace alone may neither map ids nor reach every path of the host: we take these now.
    const bool all = (context.clone_flags & CLONE_NEWUSER) != 0 || context.host_mounts;
    for (std::size_t i = 0; i < flags_.size(); ++i) {
      if (!is_bind(i) || !(all || flags_[i].idmap)) continue;
      taken_[i] = take_bind(options_.mounts[i], flags_[i]);
      // Here it is still one with the host's mount: without this, what is mounted in it would be mounted there too.
      if (flags_[i].propagation.empty()) kernel::mount_setattr(taken_[i], {.propagation = MS_PRIVATE}, true);
    }
  }

  void enter(Context& context) override {
    if (alone_) kernel::set_propagation("/", MS_PRIVATE);  // else the part `namespaces` has done so
    const Fd root = kernel::open(context.rootfs, O_PATH | O_DIRECTORY);
    const Fd before = kernel::open(".", O_PATH | O_DIRECTORY);
    const kernel::NoUmask exact;
    std::vector<Fd> sealed;
    const bool own_cgroups = cgroup_namespace_ != cgroup_namespace();
    const MountPlace place{root, context.clone_flags | (own_cgroups ? CLONE_NEWCGROUP : 0U), sealed};
    for (std::size_t i = 0; i < flags_.size(); ++i) attach(i, place);
    if (!host_dev()) {
      make_devices(root, options_.devices, own_dev());
      make_dev_links(root, own_dev());
      if (options_.console && own_dev()) make_console_place(root);  // now: this /dev may be read-only in the end
    }
    if (!options_.directory.empty() && !kernel::find_in_root(root, options_.directory, O_PATH | O_DIRECTORY))
      kernel::make_directories_in_root(root, options_.directory);
    for (const Fd& mount : sealed) kernel::mount_setattr(mount, MOUNT_ATTR_RDONLY, 0, false);
    kernel::fchdir(before);
    for (const BoundFile& file : options_.files) bind_file(root, file);
    for (const BoundFile& file : context.files) bind_file(root, file);
  }

  // release: nothing. The mounts end with the last process of their namespace.

 private:
  bool is_bind(std::size_t i) const {
    return (flags_[i].bind || options_.mounts[i].type == "bind") && !flags_[i].remount;
  }
  ino_t cgroup_namespace() const;
  bool has_dev(bool bound) const;
  bool own_dev() const { return has_dev(false); }
  bool host_dev() const { return has_dev(true); }
  void attach(std::size_t i, const MountPlace& place);
  static void bind_file(const Fd& root, const BoundFile& file);

  MountOptions options_;
  std::vector<MountFlags> flags_;  // of each of options_.mounts
  std::vector<Fd> taken_;          // detached trees of those that prepare takes
  ino_t cgroup_namespace_ = 0;     // of the process that prepares
  bool alone_ = false;
};

// Its number, where there is a mount that shows it: in which one we are is decided in the child and not by the clone.
ino_t Mounts::cgroup_namespace() const {
  const auto shows = [](const Mount& mount) { return mount.type == "cgroup"; };
  if (std::none_of(options_.mounts.begin(), options_.mounts.end(), shows)) return 0;
  struct stat status {};
  kernel::attempt([&] { return stat("/proc/self/ns/cgroup", &status); }, "stat /proc/self/ns/cgroup");
  return status.st_ino;
}

// Whether something is mounted at /dev, as a bind mount or not. A /dev of the host is left as it is.
bool Mounts::has_dev(bool bound) const {
  for (std::size_t i = 0; i < flags_.size(); ++i) {
    if (options_.mounts[i].destination == "/dev" && is_bind(i) == bound) return true;
  }
  return false;
}

void Mounts::attach(std::size_t i, const MountPlace& place) {
  const Mount& mount = options_.mounts[i];
  const MountFlags& flags = flags_[i];
  if (is_bind(i)) {
    if (!taken_[i]) taken_[i] = take_bind(mount, flags);
    attach_bind(mount, flags, taken_[i], place);
  } else if (mount.type == "cgroup" || (mount.type == "cgroup2" && mount.destination == "/sys/fs/cgroup")) {
    attach_cgroup(mount, flags, place);
  } else {
    attach_file_system(mount, flags, place);
  }
  taken_[i].close();
}

void Mounts::bind_file(const Fd& root, const BoundFile& file) {
  const Fd place = kernel::open_mountpoint(root, file.destination, kernel::MountpointKind::file);
  kernel::move_mount(kernel::open_tree(file.source, false), place, file.destination);
}

}  // namespace

std::unique_ptr<Part> make_mounts(MountOptions options) { return std::make_unique<Mounts>(std::move(options)); }

void check_mount(const Mount& mount) {
  const auto refuse = [&](const std::string& why) { throw Error("mount on \"" + mount.destination + "\"", 0, why); };
  const MountFlags flags = read_mount_options(mount.options);
  const bool bind = flags.bind || mount.type == "bind";
  if (mount.destination.empty() || mount.destination[0] != '/')
    refuse("the place in the container must be an absolute path");
  if (bind && mount.source.empty()) refuse("a bind mount needs a source");
  if (!bind && mount.type.empty()) refuse("it has neither a type nor the option bind");
  if (flags.idmap && !bind) refuse("the option idmap is for bind mounts");
  if (flags.idmap && (mount.uid_mappings.empty() || mount.gid_mappings.empty()))
    refuse("the option idmap needs uidMappings and gidMappings, its own or those of the container");
  if (flags.copy_up && mount.type != "tmpfs") refuse("the option tmpcopyup is for tmpfs");
}

}  // namespace coracle::parts
