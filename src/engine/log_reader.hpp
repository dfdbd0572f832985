// Reading a container's log (engine/log.hpp) while it may be written to and turned over.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/log.hpp"
#include "kernel/fd.hpp"

namespace coracle::engine {

struct LogLine {
  Stream stream = Stream::out;
  std::string time;  // RFC 3339, of one length, so that they compare as texts
  std::string text;  // with its end of line, where it had one
};

// Nothing for what is no line of a log: a crash of the machine may leave such.
std::optional<LogLine> parse_log_line(std::string_view json);

class LogReader {
 public:
  // `tail`: only the last so many lines of what is there now.
  LogReader(std::string path, std::optional<std::size_t> tail);

  // Whether there is a log at all.
  bool is_there() const { return !files_.empty(); }

  // Gives each of the lines that have come since the last call. `take` gives false when it has had enough.
  void read(const std::function<bool(const LogLine&)>& take);

 private:
  void open_files();
  void skip_to_tail(std::size_t tail);
  bool read_file(const kernel::Fd& file, const std::function<bool(const LogLine&)>& take);

  std::string path_;
  std::deque<kernel::Fd> files_;  // the oldest first; the last one is written to
  std::string partial_;
};

}  // namespace coracle::engine
