// Devices of the host in a container.
#pragma once

#include <vector>

#include "engine/spec.hpp"
#include "parts/mounts.hpp"

namespace coracle::engine {

// Reads docker's --device HOST[:CONTAINER[:rwm]]; HOST:rwm is short for HOST:HOST:rwm. Throws Error.
HostDevice parse_device(const std::string& text);

// The nodes for it, with the host's modes and owners. Throws Error when the host has no such device.
std::vector<parts::Device> nodes_of(const HostDevice& device);

// All that the host has below /dev, for --privileged: as moby's devices.HostDevices has it, without terminals, the
// console, and what is mounted below.
std::vector<parts::Device> all_nodes();

}  // namespace coracle::engine
