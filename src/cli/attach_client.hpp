// The person's side of a detached container: what it writes is shown, what is typed goes to it.
#pragma once

#include <functional>
#include <string>

#include "kernel/fd.hpp"

namespace coracle::cli {

struct AttachOptions {
  bool input = true;         // what we read goes to the program
  bool terminal = false;     // it has one
  bool pass_signals = true;  // those that we get go to the program
  std::string detach_keys;
};

// Throws Error when there is no way to it: it does not run, or belongs to a command in the foreground.
kernel::Fd connect_to(const std::string& directory);

// Stays until the program's end and gives its status, or until the person leaves: 0 then. With -1 the line broke.
int attend_container(const kernel::Fd& connection, const AttachOptions& options,
                     const std::function<void(int signal)>& pass_signal);

}  // namespace coracle::cli
