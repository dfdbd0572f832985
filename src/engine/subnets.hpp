// The addresses of a network: what was asked for is checked, and what was left open is chosen.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/networks.hpp"

namespace coracle::engine {

// Fills in subnet and gateway. A subnet that was left open is the first of 10.78.0.0/24, 10.78.1.0/24, ... that no
// other network has and the host does not refuse. Throws Error for what does not fit.
void choose_addresses(NetworkRecord& network, const std::vector<NetworkRecord>& others,
                      const std::function<std::string(const std::string& subnet)>& refused);

// What the host has in a subnet that is to be a bridge's: "10.78.0.0/16 on eth1"; "" is nothing.
std::string host_network_in(const std::string& subnet);

}  // namespace coracle::engine
