// Part: volumes. Mounts that the user asks for, with the mount API that works on descriptors: open_tree(2) makes a
// detached copy of a mount, mount_setattr(2) makes all of it read-only, move_mount(2) attaches it; tmpfs(5).
//
// Both ends may be hostile: the image writes the links that a destination leads over, and another container that
// shares a volume can change them in the very moment (CVE-2021-30465). So a destination is opened inside the root
// once, and mounted on by descriptor.
#include "parts/volumes.hpp"

#include <algorithm>

#include <linux/mount.h>
#include <linux/sched.h>

#include "kernel/mount.hpp"
#include "kernel/mountpoint.hpp"
#include "kernel/recorder.hpp"
#include "parts/volumes/device.hpp"
#include "parts/volumes/idmap.hpp"
#include "parts/volumes/named_volume.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;
using Kind = Volume::Kind;

// Whether mounts that are made later, by us or in the container, are to be seen on the other side.
bool takes_part(const Volume& volume) {
  return volume.propagation.ends_with("shared") || volume.propagation.ends_with("slave");
}

// In the parent: the container's mount namespace has a copy of the host's mounts, which nothing reaches any more.
Fd take_shared(const Volume& volume, const Fd& idmap) {
  Fd tree = kernel::open_tree(volume.source, true);
  const bool slave = volume.propagation.ends_with("slave");
  if (volume.readonly) kernel::mount_setattr(tree, MOUNT_ATTR_RDONLY, 0, true);
  if (idmap) apply_idmap(tree, idmap);
  kernel::mount_setattr(tree, {.propagation = slave ? std::uint64_t{MS_SLAVE} : std::uint64_t{MS_SHARED}},
                        volume.propagation[0] == 'r');
  return tree;
}

class Volumes final : public Part {
 public:
  explicit Volumes(VolumeOptions options) : options_(std::move(options)) {}

  Stage stage() const override { return Stage::volumes; }
  const char* name() const override { return "volumes"; }

  void prepare(Context& context) override {
    alone_ = (context.clone_flags & CLONE_NEWNS) == 0;
    context.clone_flags |= CLONE_NEWNS;
    sort_by_destination();
    std::string named;
    for (const Volume& volume : options_.volumes) {
      if (volume.kind == Kind::bind) make_missing(volume);
      if (volume.kind == Kind::named) named += directory_of(volume) + "\n";
    }
    if (!named.empty()) kernel::create_file(context.run_dir + "/volumes", named);
    for (const Volume& volume : options_.volumes) {
      if (!volume.device.type.empty()) users_.push_back(use_device(directory_of(volume), volume.device));
      idmaps_.push_back(volume.idmap.empty() ? Fd() : make_idmap(volume.idmap, source_of(volume)));
      taken_.push_back(takes_part(volume) ? take_shared(volume, idmaps_.back()) : Fd());
    }
  }

  void enter(Context& context) override {
    if (options_.volumes.empty()) return;
    if (alone_) kernel::set_propagation("/", MS_PRIVATE);  // else the part `namespaces` has done so
    const Fd root = kernel::open(context.rootfs, O_PATH | O_DIRECTORY);
    // All are taken before the first is attached: a volume is filled from the image, not from another volume, and
    // a bind mount of the host's / does not show the volumes attached before it.
    std::vector<Fd> trees;
    for (std::size_t i = 0; i < taken_.size(); ++i)
      trees.push_back(taken_[i] ? std::move(taken_[i]) : take(options_.volumes[i], idmaps_[i], root));
    const Fd before = kernel::open(".", O_PATH | O_DIRECTORY);
    for (std::size_t i = 0; i < trees.size(); ++i) attach(options_.volumes[i], trees[i], root);
    kernel::fchdir(before);
  }

  // The mounts end with the last process of their namespace. What is left to undo are mounts on the host that no other
  // container uses, and a volume that a start was filling when it failed; the note in run_dir says which there may be.
  std::string release(Context& context) noexcept override {
    try {
      users_.clear();
      const std::string note = context.run_dir + "/volumes";
      if (!kernel::exists(note)) return {};
      const std::string named = kernel::read_file(note);
      for (std::size_t begin = 0, end = 0; (end = named.find('\n', begin)) != std::string::npos; begin = end + 1) {
        leave_device(named.substr(begin, end - begin));
        tidy_named_volume(named.substr(begin, end - begin));
      }
      return {};
    } catch (const Error& error) {
      return error.what();
    }
  }

 private:
  void sort_by_destination();
  static void make_missing(const Volume& volume);
  std::string directory_of(const Volume& volume) const { return options_.volumes_dir + "/" + volume.source; }
  Fd take(const Volume& volume, const Fd& idmap, const Fd& root) const;
  std::string source_of(const Volume& volume) const {
    return volume.kind == Kind::named ? directory_of(volume) + "/_data" : volume.source;
  }
  static void attach(const Volume& volume, const Fd& tree, const Fd& root);

  VolumeOptions options_;
  bool alone_ = false;
  std::vector<Fd> users_;  // locks: we use volumes that are mounted on the host
  // In the order of the volumes:
  std::vector<Fd> idmaps_;  // user namespaces
  std::vector<Fd> taken_;   // nothing for what is taken in the child
};

// /a comes before /a/b, which would be hidden below it.
void Volumes::sort_by_destination() {
  for (Volume& volume : options_.volumes) volume = checked(std::move(volume));
  const auto less = [](const Volume& a, const Volume& b) { return a.destination < b.destination; };
  std::sort(options_.volumes.begin(), options_.volumes.end(), less);
  const auto same = [](const Volume& a, const Volume& b) { return a.destination == b.destination; };
  const auto twice = std::adjacent_find(options_.volumes.begin(), options_.volumes.end(), same);
  if (twice != options_.volumes.end()) {
    throw Error("mount " + twice->source + " on " + twice->destination, 0, "another volume has the same destination");
  }
}

// A directory of the host that is not there is made and stays, as docker -v has it; --mount refuses it.
void Volumes::make_missing(const Volume& volume) {
  if (kernel::exists(volume.source)) return;
  if (!volume.make_source) throw Error("bind source path does not exist: " + volume.source, 0);
  kernel::make_directories(volume.source);
}

// A detached mount of what the volume shows; nothing for a tmpfs, which is mounted where it belongs at once.
Fd Volumes::take(const Volume& volume, const Fd& idmap, const Fd& root) const {
  if (volume.kind == Kind::tmpfs) return {};
  const bool named = volume.kind == Kind::named;
  const auto source = [&] {
    if (!named) return kernel::open(volume.source, O_PATH);
    if (!volume.copy || !volume.device.type.empty()) return open_named_volume(directory_of(volume), Fd());
    const Fd filling = kernel::find_in_root(root, volume.destination, O_PATH);
    if (filling) kernel::refuse_proc(filling, volume.destination);  // what the kernel says there is no file to copy
    return open_named_volume(directory_of(volume), filling);
  };
  Fd tree = kernel::open_tree(source(), "", !named);
  // Recursively: a plain MS_RDONLY would leave writable what is mounted below (mount_setattr(2)).
  if (volume.readonly) kernel::mount_setattr(tree, MOUNT_ATTR_RDONLY, 0, true);
  if (idmap) apply_idmap(tree, idmap);
  return tree;
}

bool is_directory(const Fd& fd) {
  struct stat status {};
  kernel::attempt([&] { return fstat(fd.get(), &status); }, "fstat fd {}", fd.get());
  return S_ISDIR(status.st_mode);
}

void Volumes::attach(const Volume& volume, const Fd& tree, const Fd& root) {
  const bool directory = volume.kind == Kind::tmpfs || is_directory(tree);
  const auto kind = directory ? kernel::MountpointKind::directory : kernel::MountpointKind::file;
  const Fd place = kernel::open_mountpoint(root, volume.destination, kind);
  if (is_directory(place) != directory) {
    throw Error(fmt::format("mount {} on {}", volume.source, volume.destination), directory ? ENOTDIR : EISDIR,
                "a directory goes on a directory and a file on a file");
  }
  if (volume.kind != Kind::tmpfs) return kernel::move_mount(tree, place, volume.destination);
  const unsigned long readonly = volume.readonly ? MS_RDONLY : 0;
  const std::string size = volume.size != 0 ? fmt::format(",size={}", volume.size) : "";
  kernel::mount("tmpfs", place, volume.destination, "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV | readonly,
                fmt::format("mode={:o}{}", volume.mode, size));
}

}  // namespace

std::unique_ptr<Part> make_volumes(VolumeOptions options) { return std::make_unique<Volumes>(std::move(options)); }

}  // namespace coracle::parts
