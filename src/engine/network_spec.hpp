// What a container was asked to have of networks becomes parts of its Spec.
#pragma once

#include <string>

#include "engine/engine.hpp"
#include "engine/spec.hpp"

namespace coracle::engine {

// Looks up the networks that the options name, and the container whose network is to be shared. Throws Error when one
// is not there.
void find_networks(Engine& engine, const RunOptions& options, Place& place);

// Whether they are all still there, for when the container is on them: from then on nobody removes them. Throws Error.
void check_networks(Engine& engine, const Place& place);

// The host name is the container's own, or in the network of another one that one's. Throws Error when the options do
// not go together.
void set_network(launch::Spec& spec, const RunOptions& options, const image::Config& config, const Place& place,
                 const std::string& hostname);

// A place in one network.
parts::NetworkOptions network_options(const NetworkRecord& network, const NetworkSettings& settings,
                                      const std::string& name, const std::string& id);

// The files below /etc that have no part of a network's to write them: on the host's network they are copies of the
// host's own, because the container may write to them.
void write_name_files(const RunOptions& options, const std::string& run_dir);

}  // namespace coracle::engine
