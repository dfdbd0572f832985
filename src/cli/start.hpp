// Starting a container that was made, and staying with it.
#pragma once

#include "cli/attach_client.hpp"
#include "engine/engine.hpp"

namespace coracle::cli {

// Starts it and attends it; gives its status, or 0 when the person left it.
int start_attached(engine::Engine& engine, const engine::Record& record, AttachOptions options);

// Attends one that runs.
int attach_to(engine::Engine& engine, const engine::Record& record, AttachOptions options);

}  // namespace coracle::cli
