// Questions to the person at the terminal.
#pragma once

#include <string>

#include "images/signals.hpp"

namespace coracle::images {

// One line. With `hidden` it is not shown while it is typed. Throws Error when stdin is no terminal, or on Ctrl-C.
std::string ask(const std::string& question, bool hidden, const Signals& signals);

}  // namespace coracle::images
