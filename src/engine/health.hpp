// The health check of a detached container: a command that its supervisor runs in it every now and then, as docker does
// (Dockerfile reference, HEALTHCHECK). What it found is kept in the record, in the form of docker's State.Health.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/engine.hpp"
#include "image/config.hpp"
#include "kernel/fd.hpp"
#include "kernel/process.hpp"

namespace coracle::engine {

// Whether there is anything to check.
bool has_check(const image::Healthcheck& check);

class Health {
 public:
  // `shell`: what a CMD-SHELL is for. `changed` is told of each finding. `epoll` is told of what to wait for; its
  // events go to act().
  Health(image::Healthcheck check, std::vector<std::string> shell, Roots roots, std::string id, const kernel::Fd& epoll,
         std::function<void(const std::string& json)> changed);
  ~Health();
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  // Whether the event was for the check.
  bool act(int fd);

 private:
  void wait_for(std::int64_t nanoseconds);
  void await(const kernel::Fd& fd);
  void begin();
  void read_output();
  void end_probe();
  void found(int status);
  bool is_starting() const;
  std::vector<std::string> command() const;
  [[noreturn]] void probe(const kernel::Fd& output) const;

  image::Healthcheck check_;
  std::vector<std::string> shell_;
  Roots roots_;
  std::string id_;
  const kernel::Fd& epoll_;
  std::function<void(const std::string&)> changed_;
  kernel::Fd timer_;  // for the next check, or for the patience with the one that runs
  std::int64_t began_ = 0, probe_began_ = 0;
  kernel::Child probe_;
  kernel::Fd output_;
  std::string text_;
  nlohmann::ordered_json state_;
};

}  // namespace coracle::engine
