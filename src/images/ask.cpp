#include "images/ask.hpp"

#include <cerrno>
#include <cstdio>

#include <poll.h>
#include <unistd.h>

#include "kernel/error.hpp"
#include "kernel/tty.hpp"

namespace coracle::images {
namespace {

using kernel::Error;

constexpr int kPollMs = 100;

// The terminal without echo; its modes come back in any case.
class Hidden {
 public:
  explicit Hidden(bool hidden) : hidden_(hidden), modes_(kernel::terminal_modes(STDIN_FILENO)) {
    termios silent = modes_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    if (hidden_) kernel::set_terminal_modes(STDIN_FILENO, silent);
  }
  ~Hidden() {
    if (hidden_) kernel::restore_terminal_modes(STDIN_FILENO, modes_);
  }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;

 private:
  bool hidden_;
  termios modes_;
};

}  // namespace

std::string ask(const std::string& question, bool hidden, const Signals& signals) {
  if (!kernel::is_terminal(STDIN_FILENO)) {
    throw Error("ask for \"" + question + "\"", 0, "stdin is no terminal; give -u NAME and --password-stdin");
  }
  const Hidden modes(hidden);
  std::fputs(question.c_str(), stdout);
  std::fflush(stdout);
  std::string line;
  while (!line.ends_with('\n')) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    ::poll(&input, 1, kPollMs);
    signals.throw_when_asked_to_end("login");
    if (input.revents == 0) continue;
    char buffer[256];
    const ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (count <= 0) throw Error("read from the terminal", count < 0 ? errno : 0, "nothing was typed");
    line.append(buffer, static_cast<std::size_t>(count));
  }
  line.resize(line.find('\n'));
  return line;
}

}  // namespace coracle::images
