// Waiting for a file that somebody else is about to make: inotify(7).
#pragma once

#include <string>

namespace coracle::kernel {

// Waits until `directory` has an entry `name` that was renamed to it, or made; false when the directory is removed, or
// after `milliseconds`.
bool await_file(const std::string& directory, const std::string& name, int milliseconds);

}  // namespace coracle::kernel
