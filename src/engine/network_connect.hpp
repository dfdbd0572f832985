// Containers put on networks, and taken off: at once when they run, and in their records for each later start.
#pragma once

#include "engine/engine.hpp"
#include "engine/spec.hpp"

namespace coracle::engine {

// Throws Error when the container is there already, or has the host's network or another one's.
void connect(Engine& engine, const Record& container, const NetworkRecord& network, NetworkSettings settings);

// Throws Error when it is not there. With `force` that is no error for one that does not run.
void disconnect(Engine& engine, const Record& container, const NetworkRecord& network, bool force);

}  // namespace coracle::engine
