#include "kernel/tty.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include "kernel/recorder.hpp"

namespace coracle::kernel {

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

WindowSize window_size(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) < 0) return {};
  return {size.ws_row, size.ws_col};
}

void set_window_size(const Fd& terminal, WindowSize size) {
  const winsize wanted{size.rows, size.columns, 0, 0};
  attempt([&] { return ioctl(terminal.get(), TIOCSWINSZ, &wanted); }, "ioctl TIOCSWINSZ {}x{}", size.rows,
          size.columns);
}

termios terminal_modes(int fd) {
  termios modes{};
  attempt([&] { return tcgetattr(fd, &modes); }, "tcgetattr fd {}", fd);
  return modes;
}

void set_terminal_modes(int fd, const termios& modes) {
  const auto call = [&] {
    int result = -1;
    do {
      result = tcsetattr(fd, TCSANOW, &modes);
    } while (result < 0 && errno == EINTR);
    return result;
  };
  attempt(call, "tcsetattr fd {}", fd);
}

void restore_terminal_modes(int fd, const termios& modes) noexcept {
  while (tcsetattr(fd, TCSANOW, &modes) < 0 && errno == EINTR) {
  }
}

termios raw(termios modes) {
  cfmakeraw(&modes);
  return modes;
}

void set_controlling_terminal(const Fd& terminal) {
  if (setsid() < 0 && getsid(0) != getpid()) throw Error("setsid", errno);  // EPERM: it may be the leader already
  attempt([&] { return ioctl(terminal.get(), TIOCSCTTY, 0); }, "ioctl TIOCSCTTY");
}

void become_stdio(const Fd& fd) {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    attempt([&] { return dup2(fd.get(), number); }, "dup2 {} {}", fd.get(), number);
  }
}

}  // namespace coracle::kernel
