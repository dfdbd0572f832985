#include "engine/files.hpp"

#include <algorithm>
#include <set>

#include <unistd.h>

#include "engine/exec.hpp"
#include "image/pack.hpp"
#include "image/time.hpp"
#include "kernel/error.hpp"
#include "kernel/fd.hpp"
#include "kernel/unix_socket.hpp"
#include "parts/cgroup.hpp"

namespace coracle::engine {
namespace {

using kernel::Error;
using parts::Change;

// Where the parts `mounts` and `network` mount something in every container.
bool is_place_for_mounts(const std::string& path) {
  static const std::set<std::string> places = {"/dev",       "/proc",         "/sys",
                                               "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};
  return places.contains(path);
}

bool has_changes_below(const std::vector<Change>& changes, const std::string& directory) {
  return std::any_of(changes.begin(), changes.end(),
                     [&](const Change& change) { return change.path.starts_with(directory + "/"); });
}

// In a process of its own: waits until the line ends.
[[noreturn]] void thaw_at_end(kernel::Fd& ours, const kernel::Fd& theirs, const std::string& run_dir) {
  try {
    ours.close();
    setsid();
    kernel::receive_message(theirs, 1);
    parts::thaw_cgroup(run_dir);
  } catch (const Error&) {
    // The container has ended.
  }
  _exit(0);
}

}  // namespace

ContainerFiles find_files(Engine& engine, const std::string& container) {
  ContainerFiles files;
  files.record = find_container(engine.records, container);
  const std::string directory = engine.container_dir(files.record.id);
  files.lock = ContainerLock::take(directory);
  if (!files.lock) first_process(files.record);
  files.image = engine.store.find(files.record.image);
  files.lower = engine.store.layer_directories(files.image.config);
  files.upper = directory + "/upper";
  if (!kernel::exists(files.upper)) {  // it was never started
    files.upper = directory + "/unchanged";
    kernel::make_directories(files.upper);
  }
  return files;
}

void check_whole(const ContainerFiles& files) {
  if (!files.lock) first_process(files.record);
}

std::vector<Change> changes(const std::string& upper, const std::vector<std::string>& lower) {
  std::vector<Change> all = parts::diff(upper, lower);
  const auto added_place = [](const Change& change) { return change.kind == 'A' && is_place_for_mounts(change.path); };
  const std::size_t count = all.size();
  std::erase_if(all, added_place);
  // /etc itself changed because of them.
  if (all.size() != count && !has_changes_below(all, "/etc"))
    std::erase_if(all, [](const Change& change) { return change.path == "/etc"; });
  return all;
}

parts::Bytes pack_changes(const std::string& upper, const std::vector<std::string>& lower) {
  std::set<std::string> changed;
  for (Change& change : changes(upper, lower)) changed.insert(change.path.substr(1));
  return image::pack(
      kernel::open(upper, O_RDONLY | O_DIRECTORY),
      {.latest_time = image::source_date_epoch(),
       .leave_out = [changed = std::move(changed)](const std::string& path) { return !changed.contains(path); }});
}

Pause::Pause(const std::string& run_dir) {
  if (parts::is_frozen(run_dir)) return;
  auto [ours, theirs] = kernel::socketpair();
  thawing_ = kernel::clone3(0);
  if (thawing_.pid == 0) thaw_at_end(ours, theirs, run_dir);
  line_ = std::move(ours);
  theirs.close();
  try {
    parts::freeze_cgroup(run_dir);
  } catch (...) {
    end();
    throw;
  }
}

Pause::~Pause() {
  if (line_) end();
}

void Pause::end() noexcept {
  line_.close();
  try {
    kernel::wait(thawing_.pidfd);
  } catch (const Error&) {
    // It is gone: that is all we want.
  }
}

}  // namespace coracle::engine
