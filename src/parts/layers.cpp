// overlayfs: mount(8) "Mount options for overlay", Documentation/filesystems/overlayfs.rst.
#include "parts/layers.hpp"

#include <algorithm>
#include <climits>

#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel/error.hpp"
#include "kernel/inode.hpp"
#include "kernel/mount.hpp"
#include "kernel/node.hpp"
#include "kernel/own_user_namespace.hpp"
#include "kernel/recorder.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

// What release() in another process has to know: the scratch directory, and in it whether upper/ stays.
constexpr const char* kNote = "/layers-scratch";
constexpr const char* kKeepNote = "/layers-keep";

constexpr std::size_t kMostLayers = 500;  // OVL_MAX_STACK in fs/overlayfs/params.h

// Whole files and directories only go to the upper directory, so that it is the difference by itself: not a renamed
// directory as a note that leads to a lower one (redirect_dir), nor a file's attributes without its content
// (metacopy). index would guard an upper directory against two mounts at once; ours is used once. Some
// distributions switch these on by default.
constexpr const char* kOptions = "redirect_dir=off,metacopy=off,index=off";

// In a user namespace overlayfs keeps its notes in attributes that its users may write (Linux 5.11); it wants none of
// the above there, since whoever wrote such a note could lead it anywhere.
constexpr const char* kUserOptions = "userxattr";

class Layers final : public Part {
 public:
  Layers(LayerOptions options, std::vector<Change>* changes) : options_(std::move(options)), changes_(changes) {}

  Stage stage() const override { return Stage::layers; }
  const char* name() const override { return "layers"; }

  void prepare(Context& context) override {
    if (options_.lower.empty()) throw Error("stack layers", 0, "there is none: give at least one");
    scratch_ = context.run_dir;
    if (!options_.scratch_dir.empty()) {
      scratch_ = options_.scratch_dir;
      kernel::create_file(context.run_dir + kNote, scratch_);
      if (options_.keep) kernel::create_file(context.run_dir + kKeepNote, "");
    }
    context.clone_flags |= CLONE_NEWNS;
    context.rootfs = context.run_dir + "/rootfs";
    make_directories(context.rootfs);
  }

  void enter(Context& context) override {
    const std::vector<Directory> directories = open_directories();
    const std::string options = kernel::in_first_user_namespace() ? kOptions : kUserOptions;
    const bool paths_fit =
        fits(mount_options(directories, options, false)) && std::all_of(directories.begin(), directories.end(), plain);
    if (paths_fit) return mount(context.rootfs, mount_options(directories, options, false));
    const Fd before = kernel::open(".", O_PATH | O_DIRECTORY);
    kernel::chdir("/proc/self/fd");  // where the number of a descriptor is a path
    mount(context.rootfs, mount_options(directories, options, true));
    kernel::chdir(kernel::path_of(before));
  }

  std::string release(Context& context) noexcept override;

 private:
  struct Directory {
    std::string path;
    Fd fd;
  };

  void make_directories(const std::string& rootfs) const;
  std::vector<Directory> open_directories() const;
  static std::string mount_options(const std::vector<Directory>& directories, const std::string& options,
                                   bool by_number);
  static bool plain(const Directory& directory) { return directory.path.find_first_of(":,\\") == std::string::npos; }
  static bool fits(const std::string& options) { return options.size() < 4080; }  // mount(2) takes a page
  void mount(const std::string& rootfs, const std::string& options) const;
  long type_of_upper() const;  // statfs(2)'s magic number of its file system
  std::string hint(int code) const;

  LayerOptions options_;
  std::vector<Change>* changes_;
  std::string scratch_;
};

std::string Layers::release(Context& context) noexcept {
  std::string left;
  const auto attempt = [&left](auto step) {
    try {
      step();
    } catch (const std::exception& error) {
      left += (left.empty() ? "" : "; ") + std::string(error.what());
    }
  };
  attempt([&] {
    const std::string note = context.run_dir + kNote;
    const std::string scratch = kernel::exists(note) ? kernel::read_file(note) : context.run_dir;
    const std::string upper = scratch + "/upper";
    if (changes_ != nullptr && kernel::exists(upper)) attempt([&] { *changes_ = diff(upper, options_.lower); });
    if (!kernel::exists(context.run_dir + kKeepNote)) kernel::remove_tree(upper);
    kernel::remove_tree(scratch + "/work");
    kernel::remove_tree(context.run_dir + "/rootfs");
    kernel::remove_tree(note);
    kernel::remove_tree(context.run_dir + kKeepNote);
  });
  return left;
}

// The upper directory lends its owner and mode to the container's "/", so it takes those of the highest layer's.
void Layers::make_directories(const std::string& rootfs) const {
  const Fd top = kernel::open(options_.lower.back(), O_PATH | O_DIRECTORY);
  const struct stat status = *kernel::fstatat(top, "");
  const Fd scratch = kernel::open(scratch_, O_PATH | O_DIRECTORY);
  kernel::make_directories(rootfs);
  if (options_.keep) kernel::remove_tree(scratch, "work");  // of a start that was killed
  kernel::mkdirat(scratch, "work", 0700);
  if (options_.keep && kernel::exists(scratch_ + "/upper")) return;
  kernel::mkdirat(scratch, "upper", 0755);
  const Fd upper = kernel::openat(scratch, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (status.st_uid != 0 || status.st_gid != 0) kernel::fchown(upper, status.st_uid, status.st_gid);
  kernel::fchmod(upper, status.st_mode & 07777U);
}

// upper/, work/, and the layers that take part, the highest first, as overlayfs wants them. A layer that comes twice
// counts where it is highest: what it says there hides what it says below, and overlayfs refuses a directory given
// twice (ELOOP). Below a layer whose root is opaque nothing is to be seen; overlayfs itself minds that attribute only
// in lower directories.
std::vector<Layers::Directory> Layers::open_directories() const {
  std::vector<Directory> directories;
  const auto add = [&](const std::string& path) {
    directories.push_back({path, kernel::open(path, O_RDONLY | O_DIRECTORY)});
  };
  add(scratch_ + "/upper");
  add(scratch_ + "/work");
  const std::string opaque = kernel::overlay_xattr("opaque");
  for (auto layer = options_.lower.rbegin(); layer != options_.lower.rend(); ++layer) {
    if (std::find(options_.lower.rbegin(), layer, *layer) != layer) continue;
    add(*layer);
    if (kernel::getxattr(directories.back().fd, opaque) == "y") break;
  }
  return directories;
}

// Paths are easier to read in /proc/self/mountinfo. Numbers are used where paths are too long together (a page for all
// options: 40 layers or so), or have characters in them that mean something among options.
std::string Layers::mount_options(const std::vector<Directory>& directories, const std::string& options,
                                  bool by_number) {
  const auto word = [&](const Directory& directory) {
    return by_number ? std::to_string(directory.fd.get()) : directory.path;
  };
  std::string lower;
  for (auto layer = directories.begin() + 2; layer != directories.end(); ++layer) {
    lower += (lower.empty() ? "" : ":") + word(*layer);
  }
  return fmt::format("upperdir={},workdir={},{},lowerdir={}", word(directories[0]), word(directories[1]), options,
                     lower);
}

// volatile (Linux 5.10): nobody waits for the disk when the container says sync. What is lost when the machine goes
// down is a container's scratch, which the next start would make anew. In memory there is nothing to wait for, and the
// directory by which overlayfs remembers it takes 80 us. A layer that is kept is as safe as its file system. The
// classic mount(2): fsopen(2) takes 60 us longer.
void Layers::mount(const std::string& rootfs, const std::string& options) const {
  for (const std::string first : {options_.keep || type_of_upper() == TMPFS_MAGIC ? "" : "volatile,", ""}) {
    try {
      return kernel::mount("overlay", rootfs, "overlay", 0, first + options);
    } catch (const Error& error) {
      const bool may_be_volatile = error.code() == EINVAL && !first.empty();
      if (!may_be_volatile) throw Error("mount overlay on " + rootfs, error.code(), hint(error.code()));
    }
  }
}

long Layers::type_of_upper() const {
  struct statfs upper {};
  const std::string path = scratch_ + "/upper";
  kernel::attempt([&] { return ::statfs(path.c_str(), &upper); }, "statfs {}", path);
  return upper.f_type;
}

// overlayfs says EINVAL to most things; the kernel log has the rest.
std::string Layers::hint(int code) const {
  if (code == EINVAL && type_of_upper() == OVERLAYFS_SUPER_MAGIC) {
    return "upperdir is on overlay itself; use a directory on another file system (see lessons/05-layers, \"Layers on "
           "layers\")";
  }
  if (code == EINVAL && options_.lower.size() > kMostLayers)
    return fmt::format("overlayfs stacks at most {} layers", kMostLayers);
  if (code == ELOOP) return "one of the layers lies inside another, or in upperdir";
  if (code == EPERM && !kernel::in_first_user_namespace())
    return "overlayfs in a user namespace needs Linux 5.11 (see coracle doctor)";
  if (code == ENODEV) return "this kernel has no overlayfs (see coracle doctor)";
  return {};
}

}  // namespace

std::unique_ptr<Part> make_layers(LayerOptions options, std::vector<Change>* changes) {
  return std::make_unique<Layers>(std::move(options), changes);
}

}  // namespace coracle::parts
