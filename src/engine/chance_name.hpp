// Names for containers that were given none: an adjective and a person who thought about boats, water or machines.
#pragma once

#include <string>

namespace coracle::engine {

// "brave_archimedes"; another one each time, as a rule.
std::string chance_name();

}  // namespace coracle::engine
