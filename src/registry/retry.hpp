// Another attempt after a failure that passes: waits grow by two, and by chance, so that many who were sent away at
// once do not come back at once.
#pragma once

#include <functional>

#include "registry/failure.hpp"

namespace coracle::registry {

// Called ten times a second wherever something is waited for; what it throws ends the wait.
using GoOn = std::function<void()>;

class Retries {
 public:
  explicit Retries(const GoOn& go_on) : go_on_(go_on) {}

  // Waits until the next attempt. Throws the failure when there is no sense in one, or have been enough.
  void wait_after(const Failure& failure);
  // What comes next is no continuation of the failures until now.
  void forget() { count_ = 0; }

 private:
  const GoOn& go_on_;
  int count_ = 0;
};

template <typename Action>
auto retry(const GoOn& go_on, Action action) {
  for (Retries retries(go_on);;) {
    try {
      return action();
    } catch (const Failure& failure) {
      retries.wait_after(failure);
    }
  }
}

}  // namespace coracle::registry
