#include "kernel/thread.hpp"

#include <csignal>
#include <system_error>
#include <utility>

#include "kernel/error.hpp"

namespace coracle::kernel {

std::thread start_thread(std::function<void()> work) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread(std::move(work));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
  } catch (const std::system_error& error) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw Error("start a thread", error.code().value());
  }
}

}  // namespace coracle::kernel
