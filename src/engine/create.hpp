// A container's record, from its making to its end.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/spec.hpp"
#include "image/store.hpp"
#include "kernel/error.hpp"

namespace coracle::engine {

// Makes a container that does not run: its record and its directory. Throws Error when the options do not go together,
// the image is not here, or the name is in use.
Record create(Engine& engine, const RunOptions& options);

Place place_of(const Engine& engine, const std::string& id, const image::Image& image);

// A record that is not in the database yet, of a container that was made now. Without a name in the options it has one
// by chance.
Record make_record(const Engine& engine, const RunOptions& options, const image::Image& image, const std::string& id,
                   const std::vector<std::string>& arguments);

// Puts it in, and makes its directory, which is locked. One whose name was found by chance gets another one when that
// is in use.
ContainerLock add(Engine& engine, Record& record, const RunOptions& options);

// What remains to be done when the program has ended, or could not be started; by whoever holds the container's lock.
void settle_ended(Engine& engine, Record& record, const RunOptions& options, int status, bool oom_killed);
void settle_failed(Engine& engine, Record& record, const RunOptions& options, const kernel::Error& error);

}  // namespace coracle::engine
