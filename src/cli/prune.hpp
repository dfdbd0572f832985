// What the prune commands take away, for those that take away more than one kind. They print what they have removed,
// and give how many bytes that was.
#pragma once

#include <cstdint>

#include "cli/filters.hpp"
#include "engine/engine.hpp"

namespace coracle::cli {

// Filters: until, label, label!.
std::uint64_t prune_containers(engine::Engine& engine, const Filters& filters);
std::uint64_t prune_images(engine::Engine& engine, bool all, const Filters& filters);
void prune_networks(engine::Engine& engine);

}  // namespace coracle::cli
