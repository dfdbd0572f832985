// The options that `run` and `create` share.
#pragma once

#include "cli/options.hpp"
#include "engine/spec.hpp"

namespace coracle::cli {

// Declares them. `run` outlives the reading.
void add_network_options(Options& options, engine::RunOptions& run);

}  // namespace coracle::cli
