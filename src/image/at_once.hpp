// Jobs of one kind done by several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace coracle::image {

// Calls job(0) to job(count - 1), at most `threads` of them at once, and waits for their end. After the first that
// throws no further one begins, `failed` is called, from the thread of that one, and what it threw is thrown. Signals
// go to the caller's own thread.
void at_once(std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& job,
             const std::function<void()>& failed = {});

}  // namespace coracle::image
