#include "registry/retry.hpp"

#include <algorithm>
#include <random>

#include <poll.h>

namespace coracle::registry {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kMostRetries = 5;
constexpr int kStall = kMostRetries;  // retries that one after a long silence counts for
constexpr milliseconds kFirstWait(200);
constexpr milliseconds kLongestWait(60'000);

milliseconds with_jitter(milliseconds wait) {
  thread_local std::minstd_rand random(std::random_device{}());
  return milliseconds(std::uniform_int_distribution<std::int64_t>(wait.count() / 2, wait.count())(random));
}

}  // namespace

void Retries::wait_after(const Failure& failure) {
  if (!failure.passing || count_ >= kMostRetries || failure.retry_after > kLongestWait) throw Failure(failure);
  const milliseconds wait = std::max<milliseconds>(with_jitter(kFirstWait * (1 << count_)), failure.retry_after);
  count_ += failure.stalled ? kStall : 1;
  const auto end = steady_clock::now() + wait;
  while (true) {
    if (go_on_) go_on_();
    const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    if (left <= milliseconds(0)) return;
    ::poll(nullptr, 0, static_cast<int>(std::min<std::int64_t>(left.count(), 100)));
  }
}

}  // namespace coracle::registry
