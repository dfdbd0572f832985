// What happened to images, containers, volumes and networks, as `docker events` tells it: one line of JSON for each, in
// DATA/events.log. When that is long enough it becomes DATA/events.log.1, and the one of that name is gone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "kernel/fd.hpp"

namespace coracle::engine {

using Attributes = std::map<std::string, std::string>;

// Writes down that `action` ("start") was done to the `type` ("container", "image", "volume", "network") with that id,
// now. One that cannot be written (a disk that is full) is lost: no command fails for that.
void tell(const std::string& data_root, const std::string& type, const std::string& action, const std::string& id,
          const Attributes& attributes = {}) noexcept;
inline void tell(const Engine& engine, const std::string& type, const std::string& action, const std::string& id,
                 const Attributes& attributes = {}) noexcept {
  tell(engine.roots.data, type, action, id, attributes);
}

struct Event {
  std::string type, action, id;
  Attributes attributes;
  std::int64_t time = 0;  // nanoseconds since 1970
};

// Reads events in the order in which they were told, also while more are told; inotify(7).
class EventReader {
 public:
  enum class From { beginning, now };
  explicit EventReader(const std::string& data_root, From from);

  // The next one that is there already. Lines that are none are passed over.
  std::optional<Event> next();

  // Waits for more, for so many milliseconds at most (-1: without end).
  void wait(int milliseconds);

 private:
  bool read_more();
  void open_current();

  std::string path_;
  kernel::Fd changes_;    // inotify
  kernel::Fd file_;       // which is read at the moment
  bool is_last_ = false;  // it is the one that is written to
  std::string bytes_;     // that were read and not given
};

}  // namespace coracle::engine
