// How a container's processes are confined, kept in its run directory: who joins it later is confined the same way.
#pragma once

#include <optional>
#include <string>

#include "parts/confine.hpp"

namespace coracle::parts {

void keep_confinement(const std::string& run_dir, const ConfineOptions& options,
                      const std::optional<SeccompFilter>& filter);

}  // namespace coracle::parts
