// Volumes and the containers that use them.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/spec.hpp"

namespace coracle::engine {

// Finds out what the options leave open about volumes, before they are kept: names by chance for those without, the
// volumes that the image wants (VOLUME), those of other containers (--volumes-from), and how a volume is mounted. Does
// nothing where there are none.
void resolve_volumes(Engine& engine, RunOptions& options, const image::Config& config);

// Takes down that the volumes whose names are by chance are such; when the container's record is there.
void note_anonymous_volumes(Engine& engine, const RunOptions& options);

// Found out without reading all of its options: most have none.
bool has_anonymous_volumes(const Record& record);

// Removes them with their container, whose record is gone by now: `run --rm` and `rm -v`. One that another container
// uses stays.
void remove_anonymous_volumes(Engine& engine, const Record& record);

// The named volumes of a container, running or not.
std::vector<std::string> volumes_of(const Record& record);

// The containers that use the volume.
std::vector<Record> users_of(Engine& engine, const std::string& volume);

// Throws Error with ENOENT when there is no such volume, with EBUSY when a container uses it.
void remove_volume(Engine& engine, const std::string& name);

}  // namespace coracle::engine
