// A detached container and the process that stays with it: its supervisor. That is this program, executed anew for that
// alone (so that it is small), in a session of its own. It holds the container's terminal or pipes, writes the log,
// serves who attaches, waits, writes down how it ended, and starts it again as the restart policy says.
#pragma once

#include <string>

#include "engine/engine.hpp"

namespace coracle::engine {

// Starts a container that was made, and gives when its program runs. `connection`, when it is one, is the supervisor's
// end of a line to one who watches from the beginning (engine/audience.hpp). Throws the Error that the start failed
// with. False when it runs already.
bool start_detached(const Roots& roots, const std::string& id, kernel::Fd connection = {});

// What the supervisor does: its whole life. `line` is where it says how the start went.
int supervise(const Roots& roots, const std::string& id, kernel::Fd line, kernel::Fd connection);

}  // namespace coracle::engine
