#include "image/at_once.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <exception>
#include <thread>
#include <vector>

namespace coracle::image {

void at_once(std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& job,
             const std::function<void()>& failed) {
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> ended = false;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (std::size_t i = next++; i < count && !ended; i = next++) job(i);
    } catch (...) {
      if (ended.exchange(true)) return;
      failure = std::current_exception();
      if (failed) failed();
    }
  };
  std::vector<std::thread> workers;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (std::size_t i = 0; i < std::min(threads, count); ++i) workers.emplace_back(work);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  for (std::thread& worker : workers) worker.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace coracle::image
