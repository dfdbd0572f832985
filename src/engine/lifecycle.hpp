// What a person does to a container that somebody else looks after: its supervisor, or a command in the foreground.
// Each throws Error when it cannot be done.
#pragma once

#include <optional>
#include <string>

#include "engine/engine.hpp"
#include "engine/spec.hpp"

namespace coracle::engine {

// The signal by which a container is asked to end: the options', or the image's, or SIGTERM.
int stop_signal(Engine& engine, const Record& record);

// Asks it to end, ends it after so many seconds (-1: never), and waits until all that it had is unmade. `signal` 0 is
// its stop_signal(), no timeout its own one, or docker's ten seconds. Does nothing when it does not run.
void stop(Engine& engine, const Record& record, std::optional<int> timeout, int signal = 0);

// To its first process. One that ends it ends it for good: the restart policy leaves it alone.
void send_signal(Engine& engine, const Record& record, int signal);

void pause(Engine& engine, const Record& record);
void unpause(Engine& engine, const Record& record);
bool is_paused(const Engine& engine, const Record& record);

// Waits until it does not run, and gives its status.
int wait(Engine& engine, const Record& record);

// Ends it at once, whatever its restart policy says, and waits until all that it had is unmade.
void kill_for_good(Engine& engine, const Record& record);

// Removes one that does not run, and with `volumes` its anonymous volumes. Does nothing when somebody else has removed
// it meanwhile. `killed`: by kill_for_good(), so that what still holds it is about to let go. An ordinary user is root
// inside afterwards (launch/rootless.hpp).
void remove(Engine& engine, const Record& record, bool volumes, bool killed = false);

void rename(Engine& engine, const Record& record, const std::string& name);

// Changes what is set in `limits`, and the restart policy when there is one; also of a container that runs.
void update(Engine& engine, const Record& record, const parts::CgroupLimits& limits,
            const std::optional<RestartPolicy>& restart);

}  // namespace coracle::engine
