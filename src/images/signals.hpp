// The signals that end us are held back while images are moved, so that the work comes to an end that leaves nothing
// half done behind; signal(7), sigtimedwait(2).
#pragma once

#include <atomic>
#include <csignal>
#include <string>

namespace coracle::images {

class Signals {
 public:
  Signals();
  // Throws Error with the status that a shell gives such an end; from then on always, in every thread that asks.
  void throw_when_asked_to_end(const std::string& what) const;

  // What was held back before, which is what programs of containers get.
  const sigset_t& before() const { return before_; }

 private:
  sigset_t held_, before_;
  mutable std::atomic<int> taken_ = 0;
};

}  // namespace coracle::images
