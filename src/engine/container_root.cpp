#include "engine/container_root.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>

#include "engine/exec.hpp"
#include "engine/join_note.hpp"
#include "engine/options_json.hpp"
#include "engine/overlay.hpp"
#include "kernel/error.hpp"
#include "kernel/namespace.hpp"
#include "kernel/process.hpp"
#include "kernel/user_namespace.hpp"
#include "launch/rootless.hpp"
#include "parts/layers.hpp"
#include "parts/volumes.hpp"

namespace coracle::engine {
ContainerRoot::ContainerRoot(Engine& engine, const std::string& container, const std::string& scratch)
    : record_(find_container(engine.records, container)), options_(parse_options(record_.options)) {
  lock_ = ContainerLock::take(engine.container_dir(record_.id));
  lock_ ? mount_stopped(engine, scratch) : enter_running();
}

ContainerRoot::~ContainerRoot() {
  if (context_.rootfs.empty()) return;
  root_.close();
  ::umount2(context_.rootfs.c_str(), MNT_DETACH);  // our own mounts end with us; the volumes on the host do not
  volumes_->release(context_);
}

// Its root directory, of whatever namespace, comes with the process: while we have the descriptor, it stays.
void ContainerRoot::enter_running() {
  const kernel::Fd first = first_process(record_);
  const pid_t pid = kernel::noted_pid(read_join_note(record_.run_root, record_.id).process);
  if (launch::rootless()) {
    kernel::setns(first, CLONE_NEWUSER);
    kernel::become_root_here();
  }
  root_ = kernel::open(fmt::format("/proc/{}/root", pid), O_PATH | O_DIRECTORY);
  first_process(record_);  // it was its number all the time
}

// The parts do it, as in a start.
void ContainerRoot::mount_stopped(Engine& engine, const std::string& scratch) {
  launch::become_root_inside("coracle");
  begin_own_mounts();
  const image::Image image = engine.store.find(record_.image);
  context_.run_dir = scratch;
  const auto layers = parts::make_layers({.lower = engine.store.layer_directories(image.config),
                                          .scratch_dir = engine.container_dir(record_.id),
                                          .keep = true});
  layers->prepare(context_);
  layers->enter(context_);
  volumes_ = parts::make_volumes({options_.volumes, engine.volumes_dir()});
  volumes_->prepare(context_);
  volumes_->enter(context_);
  root_ = kernel::open(context_.rootfs, O_PATH | O_DIRECTORY);
}

bool ContainerRoot::has_volume(const std::string& path) const {
  return std::any_of(options_.volumes.begin(), options_.volumes.end(),
                     [&](const parts::Volume& volume) { return volume.destination == path; });
}

}  // namespace coracle::engine
