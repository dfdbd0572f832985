#include "image/at_once.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

#include "kernel/error.hpp"
#include "kernel/thread.hpp"

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
  try {
    while (workers.size() < std::min(threads, count)) workers.push_back(kernel::start_thread(work));
  } catch (const kernel::Error&) {
    if (workers.empty()) throw;  // else those that there are do it all
  }
  for (std::thread& worker : workers) worker.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace coracle::image
