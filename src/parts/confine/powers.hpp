// The capabilities of the process that becomes the program, from all to the chosen ones.
#pragma once

#include "parts/confine.hpp"

namespace coracle::parts {

// What is chosen, as far as this process has it; all that it has when nothing is chosen. Throws Error when it lacks
// one that is demanded.
CapabilityOptions available(const std::optional<CapabilityOptions>& chosen);

// After a change of user that kept the permitted capabilities: makes them effective again.
void regain_effective();

// Down to the chosen ones.
void give_up(const CapabilityOptions& chosen, const User& user);

}  // namespace coracle::parts
