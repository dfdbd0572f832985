#include "images/signals.hpp"

#include <ctime>

#include "kernel/error.hpp"
#include "kernel/process.hpp"

namespace coracle::images {

Signals::Signals() {
  sigemptyset(&held_);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&held_, number);
  sigprocmask(SIG_BLOCK, &held_, &before_);
}

void Signals::throw_when_asked_to_end(const std::string& what) const {
  constexpr timespec at_once{};
  const int fresh = sigtimedwait(&held_, nullptr, &at_once);
  if (fresh > 0) taken_ = fresh;
  const int signal = taken_;
  if (signal > 0) throw kernel::Error(what, 0, "ended by " + kernel::signal_name(signal)).with_status(128 + signal);
}

}  // namespace coracle::images
