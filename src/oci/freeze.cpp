// coracle-oci pause and resume: the freezer of control groups (cgroups(7)).
#include "kernel/error.hpp"
#include "oci/oci.hpp"
#include "parts/cgroup.hpp"

namespace coracle::oci {

int pause(const Door& door, Words words) {
  Options options("pause", "ID", "Stop all processes of a container until \"resume\".");
  if (!options.read(words)) return 0;
  const Container container = find_container(door.root, only_id(words));
  const std::string status = status_of(container, first_process(container));
  if (status != "running" && status != "created") refuse_status(container, "running", status);
  parts::freeze_cgroup(container.directory());
  return 0;
}

int resume(const Door& door, Words words) {
  Options options("resume", "ID", "Let all processes of a paused container go on.");
  if (!options.read(words)) return 0;
  const Container container = find_container(door.root, only_id(words));
  const std::string status = status_of(container, first_process(container));
  if (status != "paused") refuse_status(container, "paused", status);
  parts::thaw_cgroup(container.directory());
  return 0;
}

}  // namespace coracle::oci
