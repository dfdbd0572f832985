#include "parts/unpack/stream.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "kernel/error.hpp"
#include "kernel/thread.hpp"

namespace coracle::parts {
Stream::Stream(Bytes compressed, Tap tap_function, std::uint64_t most_bytes) : compressed_(std::move(compressed)) {
  for (std::vector<char>& buffer : buffers_) buffer.resize(kBufferSize);
  if (!tap_function) used_[tap] = UINT64_MAX;  // as if it were ahead of everybody
  try {
    decoding_ = kernel::start_thread([this, most_bytes] { run([&] { decode(most_bytes); }); });
    if (tap_function) {
      feeding_ = kernel::start_thread([this, function = std::move(tap_function)] { run([&] { feed(function); }); });
    }
  } catch (...) {
    stop();
    throw;
  }
}

Stream::~Stream() { stop(); }

std::string_view Stream::next() {
  if (std::exchange(holding_, false)) {
    const std::lock_guard lock(mutex_);
    ++used_[caller];
    changed_.notify_all();
  }
  const std::string_view bytes = wait_for(caller);
  holding_ = !bytes.empty();
  if (!bytes.empty()) return bytes;

  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return failure_ || used_[tap] >= filled_; });
  if (failure_) std::rethrow_exception(failure_);
  return {};
}

void Stream::decode(std::uint64_t most_bytes) {
  decoder_ = open_decoder(std::move(compressed_));
  std::uint64_t total = 0;
  for (std::size_t index = 0;; index = (index + 1) % kBuffers) {
    const std::size_t size = decoder_->read(buffers_[index].data(), kBufferSize);
    total += size;
    if (total > most_bytes)
      throw kernel::Error(fmt::format("read more than {} bytes out of the archive", most_bytes), EFBIG);
    sizes_[index] = size;
    if (!publish() || size == 0) return;
  }
}

void Stream::feed(const Tap& function) {
  while (true) {
    const std::string_view bytes = wait_for(tap);
    if (!bytes.empty()) function(bytes);
    const std::lock_guard lock(mutex_);
    ++used_[tap];
    changed_.notify_all();
    if (bytes.empty()) return;
  }
}

// Runs in a thread; what it throws is for the caller.
void Stream::run(const std::function<void()>& work) {
  try {
    work();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!failure_ && !stopped_) failure_ = std::current_exception();
    changed_.notify_all();
  }
}

// The buffer just filled is there for the readers. Waits until the next one is free; false when nobody reads on.
bool Stream::publish() {
  std::unique_lock lock(mutex_);
  ++filled_;
  changed_.notify_all();
  changed_.wait(lock, [&] {
    return stopped_ || failure_ || filled_ - std::min({used_[caller], used_[tap], filled_}) < kBuffers;
  });
  return !stopped_ && !failure_;
}

// The oldest buffer that this reader has not used yet; empty at the end of the stream. When a thread failed, the
// caller hears of it behind the last good buffer, so that the error comes at the entry where the damage is.
std::string_view Stream::wait_for(Reader reader) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stopped_ || failure_ || filled_ > used_[reader]; });
  if (filled_ > used_[reader] && !stopped_) {
    const std::size_t index = used_[reader] % kBuffers;
    return {buffers_[index].data(), sizes_[index]};
  }
  if (failure_ && reader == caller) std::rethrow_exception(failure_);
  return {};
}

void Stream::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  if (decoding_.joinable()) decoding_.join();
  if (feeding_.joinable()) feeding_.join();
}

}  // namespace coracle::parts
