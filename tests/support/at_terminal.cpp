#include "support/at_terminal.hpp"

#include <csignal>

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "support/support.hpp"

namespace coracle::test {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void become(const std::vector<std::string>& command, int terminal, int output) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  kernel::default_signal_actions();
  setsid();
  ioctl(terminal, TIOCSCTTY, 0);
  dup2(terminal, 0);
  dup2(output >= 0 ? output : terminal, 1);
  dup2(output >= 0 ? output : terminal, 2);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace

AtTerminal::AtTerminal(const std::vector<std::string>& command, unsigned short rows, unsigned short columns,
                       int output) {
  int master = -1, slave = -1;
  const winsize size{rows, columns, 0, 0};
  kernel::attempt([&] { return openpty(&master, &slave, nullptr, nullptr, &size); }, "openpty");
  master_ = kernel::Fd(master);
  slave_ = kernel::Fd(slave);
  for (const int fd : {master, slave}) fcntl(fd, F_SETFD, FD_CLOEXEC);
  pid_ = kernel::attempt([] { return fork(); }, "fork");
  if (pid_ == 0) become(command, slave, output);
  pidfd_ = kernel::pidfd_open(pid_);
  fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
}

AtTerminal::~AtTerminal() {
  if (!pidfd_) return;
  kernel::send_signal(pidfd_, SIGKILL);
  kernel::wait(pidfd_);
}

void AtTerminal::type(const std::string& keys) {
  for (std::size_t typed = 0; typed < keys.size();) {
    const ssize_t count = ::write(master_.get(), keys.data() + typed, keys.size() - typed);
    if (count > 0) typed += static_cast<std::size_t>(count);
    if (count < 0 && !listen(1000, POLLOUT)) FAIL("the terminal takes no more keys");
  }
}

void AtTerminal::resize(unsigned short rows, unsigned short columns) {
  const winsize size{rows, columns, 0, 0};
  kernel::attempt([&] { return ioctl(master_.get(), TIOCSWINSZ, &size); }, "TIOCSWINSZ");
}

termios AtTerminal::modes() const {
  termios modes{};
  kernel::attempt([&] { return tcgetattr(slave_.get(), &modes); }, "tcgetattr");
  return modes;
}

void AtTerminal::hang_up() {
  slave_.close();
  master_.close();
}

// Reads what is there; waits for it, or for `events`, at most so long. False when nothing came and nothing will.
bool AtTerminal::listen(int milliseconds, short events) {
  pollfd waited[] = {{master_.get(), static_cast<short>(POLLIN | events), 0}, {pidfd_.get(), POLLIN, 0}};
  poll(waited, 2, milliseconds);
  char bytes[16384];
  const std::size_t before = seen_.size();
  for (ssize_t count = 0; (count = ::read(master_.get(), bytes, sizeof bytes)) > 0;) {
    seen_.append(bytes, static_cast<std::size_t>(count));
  }
  return seen_.size() > before || (waited[1].revents & POLLIN) == 0;
}

std::string AtTerminal::read_while_not(const std::function<bool(const std::string&)>& enough,
                                       std::chrono::seconds limit) {
  const auto end = Clock::now() + limit;
  while (!enough(seen_.substr(given_))) {
    INFO("on the screen: " << seen_.substr(given_));
    if (Clock::now() >= end) FAIL("what was expected did not come within " << limit.count() << " s");
    if (!listen(1000)) FAIL("the program ended before that");
  }
  return seen_.substr(std::exchange(given_, seen_.size()));
}

std::string AtTerminal::read_until(const std::string& text, std::chrono::seconds limit) {
  const std::size_t begin = given_;
  read_while_not([&](const std::string& seen) { return seen.find(text) != std::string::npos; }, limit);
  given_ = seen_.find(text, begin) + text.size();
  return seen_.substr(begin, given_ - begin);
}

int AtTerminal::wait(std::chrono::seconds limit) {
  const auto end = Clock::now() + limit;
  pollfd ended{pidfd_.get(), POLLIN, 0};
  while (poll(&ended, 1, 0) == 0) {
    INFO("on the screen: " << seen_.substr(given_));
    if (Clock::now() >= end) FAIL("the program did not end within " << limit.count() << " s");
    if (master_) listen(100);
    if (!master_) poll(&ended, 1, 1000);
  }
  if (master_) listen(0);
  const int status = kernel::wait(pidfd_).status();
  pidfd_.close();
  return status;
}

}  // namespace coracle::test
