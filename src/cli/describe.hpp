// What `inspect` tells, in docker's fields.
#pragma once

#include <string>

#include "cli/container_view.hpp"
#include "cli/format.hpp"

namespace coracle::cli {

// Throw Error when there is none of that name.
Json describe_image(engine::Engine& engine, const std::string& name);
Json describe_network(engine::Engine& engine, const std::string& name);
Json describe_volume(engine::Engine& engine, const std::string& name);
Json describe_container(engine::Engine& engine, const std::string& name, bool sizes);

// Parts of a container's.
Json describe_host_config(const ContainerView& container);
Json describe_mounts(const engine::Engine& engine, const ContainerView& container);
Json describe_network_settings(engine::Engine& engine, ContainerViewer& viewer, const ContainerView& container);

}  // namespace coracle::cli
