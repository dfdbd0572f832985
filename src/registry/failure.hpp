// What a registry refuses, and what breaks on the way to it.
#pragma once

#include <chrono>
#include <string>

#include "kernel/error.hpp"

namespace coracle::registry {

class Failure : public kernel::Error {
 public:
  Failure(std::string attempt, std::string why) : Error(std::move(attempt), 0, std::move(why)) {}

  int status = 0;                      // of HTTP; 0: there was no answer
  bool passing = false;                // it may go well a moment later
  bool stalled = false;                // it took its time to fail
  bool no_tls = false;                 // something answers there, and does not speak TLS
  std::chrono::seconds retry_after{};  // what the registry asks for
};

}  // namespace coracle::registry
