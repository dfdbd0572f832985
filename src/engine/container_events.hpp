// What happens to containers, told as docker tells it (events.hpp): with the image, the name and the labels.
#pragma once

#include <string>

#include "engine/events.hpp"
#include "engine/spec.hpp"

namespace coracle::engine {

void tell(const Engine& engine, const Record& record, const RunOptions& options, const std::string& action,
          Attributes more = {}) noexcept;

// The same where the options are not at hand.
void tell(const Engine& engine, const Record& record, const std::string& action, Attributes more = {}) noexcept;

// That its program has ended.
void tell_died(const Engine& engine, const Record& record, const RunOptions& options, int status,
               bool oom_killed) noexcept;

}  // namespace coracle::engine
