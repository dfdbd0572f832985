// The group of a running container, found again by the note in its run directory.
#include <csignal>

#include <unistd.h>

#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "parts/cgroup/resources.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;

std::string note_in(const std::string& run_dir) { return run_dir + "/cgroup"; }

std::unique_ptr<kernel::Cgroup> find_running(const std::string& run_dir) {
  auto group = find_group(run_dir);
  if (group && group->exists()) return group;
  throw Error("find the cgroup of the container in " + run_dir, ENOENT, "no container with this id is running");
}

void signal_each(const kernel::Cgroup& group, int signal) {
  for (const pid_t pid : group.pids()) {
    if (const kernel::Fd pidfd = kernel::find_process(pid)) kernel::send_signal(pidfd, signal);
  }
}

}  // namespace

void leave_note(const std::string& run_dir, const kernel::Cgroup& group) {
  kernel::create_file(note_in(run_dir), group.note(), 0600);
}

void take_note_back(const std::string& run_dir) {
  const std::string note = note_in(run_dir);
  kernel::attempt([&] { return unlink(note.c_str()); }, "unlink {}", note);
}

std::unique_ptr<kernel::Cgroup> find_group(const std::string& run_dir) {
  const std::string note = note_in(run_dir);
  return kernel::exists(note) ? kernel::find_cgroup(kernel::read_file(note)) : nullptr;
}

void freeze_cgroup(const std::string& run_dir) { find_running(run_dir)->freeze(); }

void thaw_cgroup(const std::string& run_dir) { find_running(run_dir)->thaw(); }

bool is_frozen(const std::string& run_dir) {
  const auto group = find_group(run_dir);
  return group && group->exists() && group->frozen();
}

std::vector<pid_t> pids_in_cgroup(const std::string& run_dir) { return find_running(run_dir)->pids(); }

// While they stand still they cannot fork a child that would not be asked; so each gets it, and none twice.
void signal_cgroup(const std::string& run_dir, int signal) {
  const auto group = find_running(run_dir);
  if (signal == SIGKILL) return group->kill();
  const bool was_frozen = group->frozen();
  if (!was_frozen) group->freeze();
  signal_each(*group, signal);
  if (!was_frozen) group->thaw();
}

void update_cgroup(const std::string& run_dir, const CgroupLimits& limits) {
  controllers_for(limits);
  write_limits(*find_running(run_dir), limits);
}

}  // namespace coracle::parts
