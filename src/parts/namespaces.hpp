// Part: namespaces. Which views of the system the container has to itself; namespaces(7).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/mount.h>

#include "kernel/user_namespace.hpp"
#include "parts/part.hpp"

namespace coracle::parts {

struct NamespaceOptions {
  bool mount = true, pid = true, uts = true, ipc = true, cgroup = true, time = true, network = true;
  bool user = false;
  std::vector<kernel::IdMapping> uid_mappings, gid_mappings;  // need user

  // A namespace of somebody else's in place of an own or the host's one: CLONE_NEW*, and a path to it.
  struct Existing {
    std::uint64_t flag;
    std::string path;
  };
  std::vector<Existing> existing;

  // How the mounts of an own mount namespace stand to the host's: MS_PRIVATE, MS_SLAVE, MS_SHARED.
  std::uint64_t propagation = MS_PRIVATE;

  std::string hostname, domainname;  // need uts; "" keeps what it was
  std::optional<long> uptime;        // needs time: seconds since boot as the container sees them (time_namespaces(7))

  // The same as what is added to one clock, "monotonic" or "boottime" (runtime-spec config-linux.md, "Offset for Time
  // Namespace").
  struct ClockOffset {
    std::string clock;
    std::int64_t seconds;
    std::uint32_t nanoseconds;
  };
  std::vector<ClockOffset> clock_offsets;  // need time
};

std::unique_ptr<Part> make_namespaces(NamespaceOptions options);

}  // namespace coracle::parts
