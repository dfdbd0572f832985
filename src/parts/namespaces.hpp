// Part: namespaces. Which views of the system the container has to itself; namespaces(7).
#pragma once

#include <optional>
#include <string>

#include "parts/part.hpp"

namespace coracle::parts {

struct NamespaceOptions {
  bool mount = true, pid = true, uts = true, ipc = true, cgroup = true, time = true, network = true;
  std::string hostname;        // needs uts; "" keeps the host's
  std::optional<long> uptime;  // needs time: seconds since boot as the container sees them (time_namespaces(7))
};

std::unique_ptr<Part> make_namespaces(NamespaceOptions options);

}  // namespace coracle::parts
