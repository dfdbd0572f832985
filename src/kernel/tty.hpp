// Terminals as a program has them: their modes and their size. termios(3), ioctl_tty(2).
#pragma once

#include <cstdint>

#include <termios.h>

#include "kernel/fd.hpp"

namespace coracle::kernel {

bool is_terminal(int fd);

// In characters; 0 is unknown.
struct WindowSize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};

// {0, 0} for what is no terminal.
WindowSize window_size(int fd);
void set_window_size(const Fd& terminal, WindowSize size);

termios terminal_modes(int fd);

// Takes effect at once (TCSANOW): nothing that was typed is thrown away. A process in the background of this terminal
// is stopped by it (SIGTTOU); one of another session is not. The second does nothing when the terminal is gone.
void set_terminal_modes(int fd, const termios& modes);
void restore_terminal_modes(int fd, const termios& modes) noexcept;

// cfmakeraw(3): every byte goes through as it is typed, and no key means anything.
termios raw(termios modes);

// Makes this process the leader of a new session, if it is not one already, and `terminal` the session's controlling
// terminal (TIOCSCTTY): where its keys go, and what /dev/tty leads to.
void set_controlling_terminal(const Fd& terminal);

// Makes the descriptor 0, 1 and 2.
void become_stdio(const Fd& fd);

}  // namespace coracle::kernel
