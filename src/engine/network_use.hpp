// Who is on a network.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.hpp"

namespace coracle::engine {

// A running container's place in a network.
struct Endpoint {
  std::string id, name;           // of the container
  std::string endpoint_id;        // 64 hexadecimal figures, the same as long as the container is there
  std::string mac;                // "02:42:0a:4e:00:02"
  std::string address, address6;  // "10.78.0.2/24"; "" is none
};

std::vector<Endpoint> endpoints(Engine& engine, const NetworkRecord& network);

bool in_use(const Engine& engine, const NetworkRecord& network);

// With its bridge and its rules. Throws Error EBUSY when a container is on it.
void remove_network(Engine& engine, const NetworkRecord& network);

}  // namespace coracle::engine
