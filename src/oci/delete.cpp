// coracle-oci delete: nothing stays of a container (runtime-spec runtime.md, "Delete").
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernel/recorder.hpp"
#include "launch/assemble.hpp"
#include "launch/launch.hpp"
#include "oci/oci.hpp"
#include "parts/cgroup.hpp"

namespace coracle::oci {
namespace {

using kernel::Error;

// Without a pid namespace of its own its other processes outlive the first; and a process that stands still in a frozen
// group does not even die.
void end_group(const Container& container) {
  try {
    parts::signal_cgroup(container.directory(), SIGKILL);
  } catch (const Error& error) {
    if (error.code() != ENOENT) throw;
  }
}

// Hooks of a container that was killed before it noted any are none.
Hooks noted_hooks(const Container& container) {
  if (!kernel::exists(container.directory() + "/config.json")) return {};
  try {
    return read_noted_config(container).hooks;
  } catch (const Error&) {
    return {};  // killed in the middle of the note
  }
}

}  // namespace

void unmake(const Container& container, const Hooks* known) {
  const std::vector<Hook> poststop = known != nullptr ? known->poststop : noted_hooks(container).poststop;
  const std::string state = poststop.empty() ? "" : state_json(read_record(container), 0, "stopped");
  end_group(container);
  parts::Parts parts = launch::every_part();
  add_every_hook_part(parts);
  const std::vector<std::string> left = launch::unmake(container.root, container.id, parts);
  run_all_hooks(poststop, state, warn);
  if (!left.empty())
    throw Error("delete the container " + container.id, 0, fmt::format("left behind: {}", fmt::join(left, "; ")));
}

int remove(const Door& door, Words words) {
  Options options("delete", "[--force] ID", "Delete what a container left that has ended, or was never started.");
  bool force = false;
  options.flag('f', "force", "End its process first (SIGKILL); a container that is not there is no error", force);
  if (!options.read(words)) return 0;
  const Container container{door.root, only_id(words)};
  if (force && !kernel::exists(container.directory())) return 0;
  find_container(door.root, container.id);
  const std::string status = status_of(container, first_process(container));
  if (!force && status != "stopped" && status != "created")
    throw Error("delete the container " + container.id, 0,
                "cannot delete a container that is not stopped: it is " + status);
  unmake(container);
  return 0;
}

}  // namespace coracle::oci
