// The flight recorder: memory that parent and child share. Every kernel wrapper notes its failures here,
// and, when recording is on, every call with its time. So an error in the child reaches the parent whole,
// and the timeline costs nothing when nobody asked for it.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/types.h>

#include "kernel/error.hpp"

namespace coracle::kernel {

// What one kernel call, or one step of a part, did and how long it took.
struct Event {
  char text[104];      // the call and its arguments, cut to fit
  char part[16];       // the part on whose behalf, "" for the launch itself
  std::int64_t start;  // nanoseconds of CLOCK_REALTIME: the one clock that no time namespace shifts
  std::int64_t end;
  std::int32_t error;  // errno, 0 when it went well
  std::int16_t child;  // 1 on the child's side of the clone
  std::int16_t step;   // 1 for a step of a part (which contains calls), 0 for a call
};

// Begins a new recording in shared memory; `events` is whether every call is noted, or failures alone.
// Call it once per start, before the clone.
void start_recorder(bool events);

// Says on which side of the clone this process is from now on.
void this_is_the_child();

// Names the part that acts from now on; a string literal, or nullptr for the launch itself.
void acting_part(const char* name);

bool recording();

// While it lives no call is noted, only failures: for work of thousands of calls, which would push out all others.
class Unrecorded {
 public:
  Unrecorded();
  ~Unrecorded();
  Unrecorded(const Unrecorded&) = delete;
  Unrecorded& operator=(const Unrecorded&) = delete;

 private:
  bool before_;
};

std::int64_t now();
void note(std::string_view text, std::int64_t start, int error, bool step = false);
std::vector<Event> recorded_events();

// The child leaves the error that ends it; the parent takes it. take_failure() is false when there is none.
void leave_failure(const Error& error) noexcept;
bool take_failure(Error& error);

// Makes one system call and notes it. `text` and `arguments` say what is tried, in fmt's syntax, beginning
// with the name of the call; they are only formatted when somebody will read them. Gives what the call gave.
template <typename Call, typename... Arguments>
auto note_call(Call&& call, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  const std::int64_t start = recording() ? now() : 0;
  const auto result = call();
  if (start != 0) {
    const int error = result < 0 ? errno : 0;
    note(fmt::format(text, std::forward<Arguments>(arguments)...), start, error);
    errno = error;
  }
  return result;
}

// The same for a call that must succeed: a negative result becomes an Error with errno in it.
template <typename Call, typename... Arguments>
auto attempt(Call&& call, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  const auto result = note_call(std::forward<Call>(call), text, std::forward<Arguments>(arguments)...);
  if (result < 0) {
    const int error = errno;
    throw Error(fmt::format(text, std::forward<Arguments>(arguments)...), error);
  }
  return result;
}

}  // namespace coracle::kernel
