#include "launch/signals.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "kernel/recorder.hpp"

namespace coracle::launch {
namespace {

using kernel::Error;

constexpr int kAskToEnd[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr int kPassedOn[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGWINCH};

sigset_t set_of(const int* begin, const int* end) {
  sigset_t set;
  sigemptyset(&set);
  for (; begin != end; ++begin) sigaddset(&set, *begin);
  return set;
}

bool asks_to_end(int signal) {
  for (const int number : kAskToEnd) {
    if (number == signal) return true;
  }
  return false;
}

}  // namespace

Signals::Signals() : fd_(kernel::signalfd(set_of(std::begin(kPassedOn), std::end(kPassedOn)), &ours_)), before_(ours_) {
  // Whoever started us may have ignored it; then the kernel would bury our child before we can ask how it ended.
  ::signal(SIGCHLD, SIG_DFL);
}

Signals::~Signals() {
  // What still waits was for the program. It has ended, and we have work to finish.
  const sigset_t held = set_of(std::begin(kPassedOn), std::end(kPassedOn));
  constexpr timespec at_once{};
  while (sigtimedwait(&held, nullptr, &at_once) > 0) {
  }
  kernel::set_signal_mask(ours_);
}

void Signals::throw_if_asked_to_end() {
  const sigset_t end = set_of(std::begin(kAskToEnd), std::end(kAskToEnd));
  constexpr timespec at_once{};
  const int signal = sigtimedwait(&end, nullptr, &at_once);
  if (signal > 0)
    throw Error("start the container", 0, "ended by " + kernel::signal_name(signal)).with_status(128 + signal);
}

kernel::Ending supervise(const kernel::Fd& pidfd, Signals& signals, bool own_session, const Watch& watch,
                         bool kill_at_once) {
  constexpr int kPatience = 3;
  int requests = kill_at_once ? kPatience - 1 : 0;
  while (true) {
    pollfd fds[] = {{pidfd.get(), POLLIN, 0}, {signals.fd().get(), POLLIN, 0}, {watch.fd ? watch.fd() : -1, POLLIN, 0}};
    if (poll(fds, 3, -1) < 0 && errno != EINTR) throw Error("poll for the end of the program", errno);
    if (fds[0].revents != 0) return kernel::wait(pidfd);
    if (fds[2].revents != 0) watch.act(pidfd);
    if (fds[1].revents == 0) continue;
    const signalfd_siginfo info = kernel::read_signal(signals.fd());
    const int signal = static_cast<int>(info.ssi_signo);
    if (asks_to_end(signal) && ++requests == kPatience) kernel::send_signal(pidfd, SIGKILL);
    // What the terminal's driver sent (SI_KERNEL) has reached its whole process group, the program among it.
    if (own_session || info.ssi_code != SI_KERNEL) kernel::send_signal(pidfd, signal);
    if (asks_to_end(signal)) signals.asked_to_end_ = signal;
  }
}

}  // namespace coracle::launch
