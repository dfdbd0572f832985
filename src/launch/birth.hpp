// How the child of a start, or of a join, comes to be.
#pragma once

#include <functional>

#include "kernel/process.hpp"
#include "parts/part.hpp"

namespace coracle::launch {

// The child of a start, in new namespaces as the parts have asked for them. Returns on both sides. Throws Error.
kernel::Child clone(const parts::Context& context);

// The child that joins a container and does `life`, which does not return. The container's processes see it before it
// is one of them: nobody looks into it. In `context.joined` it finds what it has to enter itself. Throws Error.
kernel::Child clone_joined(parts::Context& context, const std::function<void()>& life);

}  // namespace coracle::launch
