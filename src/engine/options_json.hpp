// What a container was made with, as the JSON that its record keeps.
#pragma once

#include <string>

#include "engine/spec.hpp"

namespace coracle::engine {

// All but what only the command itself has a use for (bring_image).
std::string to_json(const RunOptions& options);

// Fields that the text does not have are as in a new RunOptions: a record of an earlier version. Throws Error when it
// is damaged.
RunOptions parse_options(const std::string& json);

}  // namespace coracle::engine
