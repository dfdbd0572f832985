// The container's parent, when the command that started it is over.
//
//     the command            in between         the supervisor
//     fork ----------------> setsid
//     waits for it           fork ------------> its parent ends: it belongs to process 1 of the host now
//     <--------------------- ends               creates the container, whose output is a pipe
//     <---------------------------------------- "started", or what went wrong
//     ends                                      copies the pipe to the log and to whoever is attached,
//                                               waits, unmakes the container, writes down how it ended
#pragma once

#include <string>
#include <vector>

#include "container.hpp"

namespace coracle {

// Starts the container and comes back when its program runs. Throws Error when that cannot be.
void run_detached(const Container& container, const std::string& rootfs, const std::vector<std::string>& args);

}  // namespace coracle
