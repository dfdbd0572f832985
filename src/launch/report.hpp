// What every door does with an error.
#pragma once

#include <functional>
#include <string>

namespace coracle::launch {

// Runs `action` and gives its status; what it throws becomes one line on stderr, "NAME: ...", and the status that
// the error has.
int report_errors(const std::string& name, const std::function<int()>& action);

}  // namespace coracle::launch
