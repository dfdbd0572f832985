#include "kernel/await_file.hpp"

#include <chrono>

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {

bool await_file(const std::string& directory, const std::string& name, int milliseconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  const Fd events(attempt([] { return inotify_init1(IN_CLOEXEC | IN_NONBLOCK); }, "inotify_init1"));
  constexpr unsigned interesting = IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF;
  const auto watch = [&] { return inotify_add_watch(events.get(), directory.c_str(), interesting); };
  if (note_call(watch, "inotify_add_watch {}", directory) < 0) return false;
  while (true) {
    // Looked for after the watch began, and each time that anything has happened.
    if (exists(directory + "/" + name)) return true;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0 || !exists(directory)) return false;
    pollfd waited{events.get(), POLLIN, 0};
    poll(&waited, 1, static_cast<int>(left));
    char bytes[4096];
    while (::read(events.get(), bytes, sizeof bytes) > 0) {
    }
  }
}

}  // namespace coracle::kernel
