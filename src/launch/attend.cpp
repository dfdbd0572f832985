#include "launch/attend.hpp"

#include <csignal>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/process.hpp"
#include "kernel/pty.hpp"
#include "kernel/recorder.hpp"
#include "kernel/unix_socket.hpp"
#include "launch/relay.hpp"

namespace coracle::launch {
namespace {

using kernel::Error;
using kernel::Fd;

// The relay's side, from the fork to the end of the command.
class Attendant {
 public:
  Attendant(const kernel::Child& keeper, Fd line, bool interactive, const termios& modes, const DetachKeys& keys)
      : keeper_(keeper),
        line_(std::move(line)),
        modes_(modes),
        raw_(interactive),
        relay_(interactive ? STDIN_FILENO : -1, STDOUT_FILENO, keys) {}
  ~Attendant() {
    if (raw_) kernel::restore_terminal_modes(STDIN_FILENO, modes_);
  }
  Attendant(const Attendant&) = delete;
  Attendant& operator=(const Attendant&) = delete;

  int attend() {
    make_raw();
    send(line_.get(), "g", 1, MSG_NOSIGNAL);  // when the keeper is dead, its pidfd says so
    while (step()) {
    }
    if (relay_.detached()) return 0;
    const int status = kernel::wait(keeper_.pidfd).status();
    show_the_rest();
    return status;
  }

 private:
  // When we are in the background, this stops us until the person brings us to the foreground (SIGTTOU).
  void make_raw() const {
    if (raw_) kernel::set_terminal_modes(STDIN_FILENO, kernel::raw(modes_));
  }

  // Waits for something to do and does it; false when there is nothing more to do but to see how it ended.
  bool step() {
    const auto copying = relay_.waits();
    pollfd fds[] = {{signals_.fd().get(), POLLIN, 0},
                    {keeper_.pidfd.get(), POLLIN, 0},
                    {relay_.master() ? -1 : line_.get(), POLLIN, 0},
                    copying[0],
                    copying[1],
                    copying[2]};
    if (poll(fds, std::size(fds), -1) < 0) {
      if (errno == EINTR) return true;
      throw Error("poll for the terminal", errno);
    }
    if (fds[0].revents != 0) pass_signal();
    if (fds[1].revents != 0) return false;
    if (fds[2].revents != 0) receive_master();
    relay_.copy({fds[3], fds[4], fds[5]});
    if (relay_.detached()) return hand_over();
    if (relay_.hung_up()) leave();
    return true;
  }

  void receive_master() {
    kernel::Message message = kernel::receive_message(line_);
    if (message.text.empty()) return line_.close();  // the keeper has no use for it any more, and is about to end
    if (!message.descriptor) return;
    relay_.connect(std::move(message.descriptor));
    relay_.resize();
  }

  void pass_signal() {
    const int signal = static_cast<int>(kernel::read_signal(signals_.fd()).ssi_signo);
    if (signal == SIGWINCH) return relay_.resize();
    if (signal == SIGCONT) make_raw();  // who stopped us had the terminal for itself meanwhile
    kernel::send_signal(keeper_.pidfd, signal);
  }

  bool hand_over() {
    kernel::send_descriptor(line_, relay_.master(), "d");
    return false;
  }

  // Our terminal is gone: the keeper hears that nobody is there, and ends the container.
  void leave() {
    line_.close();
    relay_.disconnect();
  }

  void show_the_rest() {
    while (relay_.drain()) {
      pollfd fds[] = {{STDOUT_FILENO, POLLOUT, 0}, {signals_.fd().get(), POLLIN, 0}};
      if (poll(fds, 2, -1) > 0 && fds[1].revents != 0) return;  // asked not to wait for a reader that does not read
      relay_.copy({pollfd{}, pollfd{}, fds[0]});
    }
  }

  const kernel::Child& keeper_;
  Fd line_;
  termios modes_;
  bool raw_;
  Signals signals_;
  Relay relay_;
};

int keep(Keeper keeper, const std::function<int(Keeper&)>& work) {
  setsid();
  keeper.await_go();
  try {
    return work(keeper);
  } catch (...) {
    keeper.restore();
    throw;
  }
}

}  // namespace

Keeper::Keeper(Fd line, int terminal, const termios& modes, kernel::WindowSize size)
    : line_(std::move(line)),
      terminal_(terminal),
      modes_(modes),
      size_(size),
      nothing_(kernel::open("/dev/null", O_RDWR)) {}

void Keeper::await_go() const {
  if (kernel::receive_message(line_, 1).text.empty()) _exit(125);  // the relay died before it began
}

Watch Keeper::watch() {
  return {[this] { return master_ ? master_.get() : line_.get(); },
          [this](const Fd& pidfd) { master_ ? discard() : hear(pidfd); }};
}

void Keeper::restore() noexcept {
  if (terminal_ >= 0) kernel::restore_terminal_modes(terminal_, modes_);
}

void Keeper::hear(const Fd& pidfd) {
  kernel::Message message = kernel::receive_message(line_);
  line_.close();
  if (!message.descriptor) {
    restore();
    kernel::send_signal(pidfd, SIGKILL);
    return;
  }
  master_ = std::move(message.descriptor);
  slave_ = kernel::find_slave(master_);  // while somebody has it open, the master never reports a hangup
  terminal_ = -1;
  kernel::become_stdio(nothing_);
}

void Keeper::discard() {
  char bytes[16384];
  ssize_t count = 0;
  while ((count = ::read(master_.get(), bytes, sizeof bytes)) > 0) {
  }
  if (count == 0 || errno == EIO) master_.close();  // hung up: there will be nothing more to read
}

int attend(const Attendance& attendance, const std::function<int(Keeper&)>& work) {
  const DetachKeys keys(attendance.detach_keys);
  if (attendance.interactive && !kernel::is_terminal(STDIN_FILENO))
    throw Error("the input device is not a TTY", 0).with_status(1);
  const termios modes = attendance.interactive ? kernel::terminal_modes(STDIN_FILENO) : termios{};
  const int sized = kernel::is_terminal(STDOUT_FILENO) ? STDOUT_FILENO : STDIN_FILENO;
  auto [ours, theirs] = kernel::socketpair();
  const kernel::Child keeper = kernel::clone3(0);
  if (keeper.pid == 0) {
    ours.close();
    const int terminal = attendance.interactive ? STDIN_FILENO : -1;
    return keep(Keeper(std::move(theirs), terminal, modes, kernel::window_size(sized)), work);
  }
  theirs.close();
  return Attendant(keeper, std::move(ours), attendance.interactive, modes, keys).attend();
}

}  // namespace coracle::launch
