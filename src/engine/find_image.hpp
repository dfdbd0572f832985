// The image for a new container.
#pragma once

#include "engine/engine.hpp"
#include "engine/spec.hpp"

namespace coracle::engine {

// Where it is not here, or not for the platform that is asked for, options.bring_image is called. Throws Error when it
// is not here then.
image::Image find_image(Engine& engine, const RunOptions& options);

}  // namespace coracle::engine
