// From a Spec to the parts that make it up. The only place that knows both.
#pragma once

#include "launch/spec.hpp"
#include "parts/part.hpp"

namespace coracle::launch {

// `usage`, when given, is filled when the container has ended.
parts::Parts assemble(const Spec& spec, parts::CgroupUsage* usage = nullptr);

// One of each part that a Spec can ask for, to unmake with what any of them made (sweep in launch.hpp).
parts::Parts every_part();

}  // namespace coracle::launch
