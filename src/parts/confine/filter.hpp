// The filter that some options ask for: out of the cache, or compiled.
#pragma once

#include "parts/confine.hpp"

namespace coracle::parts {

// Nothing when the options want none.
std::optional<SeccompFilter> find_filter(const ConfineOptions& options);

}  // namespace coracle::parts
