#include "kernel/recorder.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>

#include <sys/mman.h>

namespace coracle::kernel {
namespace {

constexpr std::uint32_t kMostEvents = 2000;

struct Failure {
  std::atomic<bool> present;
  int code;
  int status;
  char attempt[2048];
  char hint[1024];
};

struct Recorder {
  Failure failure;
  std::atomic<std::uint32_t> count;
  Event events[kMostEvents];
};

// The one global of the ground floor: a wrapper around a system call has no argument to spare for it.
Recorder* recorder = nullptr;
bool record_events = false;
bool in_child = false;
const char* part_name = nullptr;

// Cuts at `size`, never leaves the end of the text unmarked.
void copy_text(char* to, std::size_t size, std::string_view from) {
  const std::size_t length = std::min(size - 1, from.size());
  std::memcpy(to, from.data(), length);
  to[length] = '\0';
}

}  // namespace

void start_recorder(bool events) {
  if (recorder == nullptr) {
    // MAP_SHARED survives the clone on both sides; untouched pages cost nothing.
    void* memory = mmap(nullptr, sizeof(Recorder), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw Error("mmap the flight recorder", errno);
    recorder = static_cast<Recorder*>(memory);
  }
  recorder->failure.present = false;
  recorder->count = 0;
  record_events = events;
}

void this_is_the_child() { in_child = true; }
void acting_part(const char* name) { part_name = name; }
bool recording() { return record_events && recorder != nullptr; }

Unrecorded::Unrecorded() : before_(std::exchange(record_events, false)) {}
Unrecorded::~Unrecorded() { record_events = before_; }

std::int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

void note(std::string_view text, std::int64_t start, int error, bool step) {
  const std::uint32_t index = recorder->count.fetch_add(1);
  if (index >= kMostEvents) return;
  Event& event = recorder->events[index];
  copy_text(event.text, sizeof event.text, text);
  for (char* c = event.text; *c != '\0'; ++c) {
    if (static_cast<unsigned char>(*c) < 0x20) *c = ' ';  // an event is one line
  }
  copy_text(event.part, sizeof event.part, part_name != nullptr ? part_name : "");
  event.start = start;
  event.end = now();
  event.error = error;
  event.child = in_child ? 1 : 0;
  event.step = step ? 1 : 0;
}

std::vector<Event> recorded_events() {
  if (recorder == nullptr) return {};
  const std::uint32_t count = std::min(recorder->count.load(), kMostEvents);
  return {recorder->events, recorder->events + count};
}

void leave_failure(const Error& error) noexcept {
  if (recorder == nullptr) return;
  Failure& failure = recorder->failure;
  failure.code = error.code();
  failure.status = error.status();
  copy_text(failure.attempt, sizeof failure.attempt, error.attempt());
  copy_text(failure.hint, sizeof failure.hint, error.hint());
  failure.present = true;
}

bool take_failure(Error& error) {
  if (recorder == nullptr || !recorder->failure.present.exchange(false)) return false;
  const Failure& failure = recorder->failure;
  error = Error(failure.attempt, failure.code, failure.hint).with_status(failure.status);
  return true;
}

}  // namespace coracle::kernel
