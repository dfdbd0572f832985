// The uncompressed bytes of an archive, as a pipeline: one thread decompresses, one hands the bytes to whoever
// computes the digest, the caller's own thread reads them. All three work on one ring of buffers at the same time.
//
//     decoder --> [ buffer | buffer | buffer | ... ] --> next()     (the caller)
//                                                    --> the tap    (the digest)
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "parts/unpack/decoder.hpp"

namespace coracle::parts {

class Stream {
 public:
  using Tap = std::function<void(std::string_view)>;

  // Decompression begins at once. `tap` (may be empty) is given every byte, in order, in a thread of its own.
  // A stream of more than `most_bytes` is an Error.
  Stream(Bytes compressed, Tap tap, std::uint64_t most_bytes);
  // Ends the threads, wherever they are, and waits for them.
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // The next bytes; they stay where they are until the next call. Empty at the end of the stream, which is reached
  // when the checksums were right and the tap has seen everything. Throws what went wrong in any of the threads.
  std::string_view next();

 private:
  enum Reader { caller, tap, readers };

  void decode(std::uint64_t most_bytes);
  void feed(const Tap& tap);
  void run(const std::function<void()>& work);
  bool publish();
  std::string_view wait_for(Reader reader);
  void stop();

  // 8 buffers of 256 KiB: all that is under way fits into a processor's cache. A multiple of 512, so that no
  // header of a tar lies in two buffers.
  static constexpr std::size_t kBuffers = 8;
  static constexpr std::size_t kBufferSize = 256U << 10U;

  Bytes compressed_;
  std::unique_ptr<Decoder> decoder_;  // made by the thread that decompresses: the first byte may be long in coming
  std::array<std::vector<char>, kBuffers> buffers_;
  std::array<std::size_t, kBuffers> sizes_{};  // 0 marks the end of the stream

  std::mutex mutex_;  // for all below
  std::condition_variable changed_;
  std::uint64_t filled_ = 0;          // buffers, counted from the beginning
  std::uint64_t used_[readers] = {};  // the same, by each reader
  bool holding_ = false;              // the caller has a buffer in its hands
  bool stopped_ = false;
  std::exception_ptr failure_;

  std::thread decoding_, feeding_;
};

}  // namespace coracle::parts
