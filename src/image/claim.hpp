// The right to bring a blob into the store: one process at a time has it, the others wait and then find the blob there.
// With it goes the file in which the bytes are gathered. What a killed process had gathered is still in it, so that
// the next one goes on from there.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "kernel/fd.hpp"

namespace coracle::image {

class Claim {
 public:
  // Waits until nobody else has the claim on `path`, which is made when it is missing. `waiting` is called ten times a
  // second meanwhile; what it throws ends the wait.
  explicit Claim(std::string path, const std::function<void()>& waiting = {});
  Claim(Claim&&) = default;
  // Takes the file away when there is nothing in it.
  ~Claim();

  const kernel::Fd& file() const { return file_; }
  const std::string& path() const { return path_; }
  std::uint64_t size() const;

  // Throws away what has been gathered.
  void empty() const;

 private:
  std::string path_;
  kernel::Fd file_;  // flock(2) LOCK_EX
};

}  // namespace coracle::image
