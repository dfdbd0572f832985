#include "launch/init.hpp"

#include <linux/close_range.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/process.hpp"
#include "kernel/recorder.hpp"

namespace coracle::launch {
namespace {

[[noreturn]] void be_init(pid_t program, const sigset_t& every_signal) {
  // An init that keeps our descriptors would keep the parent waiting for the program to be executed.
  close_range(3, ~0U, 0);
  while (true) {
    const int signal = sigwaitinfo(&every_signal, nullptr);
    if (signal < 0) continue;
    if (signal != SIGCHLD) {
      ::kill(program, signal);
      continue;
    }
    int status = 0;
    // The kernel gives every orphan of a pid namespace to its pid 1 (pid_namespaces(7)): one SIGCHLD, many dead.
    for (pid_t ended = 0; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended == program) _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    }
  }
}

}  // namespace

void become_init(const sigset_t& mask) {
  sigset_t every_signal;
  sigfillset(&every_signal);
  kernel::set_signal_mask(every_signal);
  const pid_t program = kernel::attempt([] { return fork(); }, "fork the program");
  if (program != 0) be_init(program, every_signal);
  kernel::set_signal_mask(mask);
}

}  // namespace coracle::launch
