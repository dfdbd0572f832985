// Part: terminal. A pty in the container's own devpts, which becomes the program's standard input, output and error,
// its controlling terminal and /dev/console; pty(7), pts(4), credentials(7) on sessions.
#pragma once

#include "kernel/tty.hpp"
#include "parts/part.hpp"

namespace coracle::parts {

struct TerminalOptions {
  // A connected unix socket, which stays the caller's. The pty's master goes over it, in one message with the pty's
  // name (OCI runtimes call it the console socket).
  int console_socket = -1;
  kernel::WindowSize size;  // at the start; {0, 0} leaves it unknown
};

std::unique_ptr<Part> make_terminal(TerminalOptions options);

}  // namespace coracle::parts
