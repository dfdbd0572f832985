// docker ps --filter.
#pragma once

#include "cli/container_view.hpp"
#include "cli/filters.hpp"

namespace coracle::cli {

Filters container_filters();

// Whether the filters let it through. `all` is what before=CONTAINER and since=CONTAINER are looked up in. Throws Error
// for a value that is none.
bool fits(const Filters& filters, ContainerViewer& viewer, const ContainerView& container,
          const std::vector<ContainerView>& all);

}  // namespace coracle::cli
