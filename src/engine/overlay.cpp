#include "engine/overlay.hpp"

#include <sys/mount.h>

#include "kernel/fd.hpp"
#include "kernel/inode.hpp"
#include "kernel/mount.hpp"
#include "kernel/namespace.hpp"
#include "kernel/recorder.hpp"
#include "parts/layers.hpp"

namespace coracle::engine {
namespace {

std::string new_directory(const std::string& parent) {
  std::string path = parent + "/overlay-XXXXXX";
  kernel::attempt([&] { return mkdtemp(path.data()) != nullptr ? 0 : -1; }, "mkdtemp {}", path);
  return path;
}

}  // namespace

void begin_own_mounts() {
  kernel::unshare(CLONE_NEWNS);
  kernel::set_propagation("/", MS_PRIVATE | MS_REC);
}

// The part `layers` does it, as in the start of a container.
Overlay::Overlay(const std::string& parent, std::vector<std::string> lower) : lower_(std::move(lower)) {
  context_.run_dir = new_directory(parent);
  if (lower_.empty()) {
    lower_.push_back(context_.run_dir + "/empty");
    kernel::make_directories(lower_.front());
  }
  const auto layers = parts::make_layers({.lower = lower_});
  layers->prepare(context_);
  layers->enter(context_);
  // "/" is not changed by being looked at.
  const struct stat top = kernel::fstatat(kernel::open(lower_.back(), O_PATH | O_DIRECTORY), "").value();
  kernel::utimensat(kernel::open(context_.rootfs, O_PATH | O_DIRECTORY), top.st_atim, top.st_mtim);
}

Overlay::~Overlay() {
  ::umount2(context_.rootfs.c_str(), MNT_DETACH);
  try {
    kernel::remove_tree(context_.run_dir);
  } catch (const kernel::Error&) {
    // It lies in a staging directory, which is removed as a whole.
  }
}

}  // namespace coracle::engine
