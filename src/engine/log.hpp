// The log of a container, as docker's driver json-file writes it: an object on each line, {"log":"text\n","stream":
// "stdout","time":"2026-01-02T03:04:05.123456789Z"}, in files that are turned over when they are full: ID-json.log,
// ID-json.log.1 (the one before), ...
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/spec.hpp"
#include "kernel/fd.hpp"

namespace coracle::engine {

// The file that is written to, in the container's own directory.
std::string log_path(const std::string& directory, const std::string& id);

enum class Stream { out = 1, err = 2 };  // the numbers of docker's attach protocol too

class LogWriter {
 public:
  // Goes on with what is there. It never throws: a log that cannot be written is no reason to end a container.
  LogWriter(std::string path, LogOptions options);

  // Takes what the program wrote. Whole lines are written when write_out() is called; a line of more than 16 KiB in
  // pieces, as docker does. Lines that the disk has no room for are counted, and a line says how many they were as soon
  // as there is room again.
  void take(Stream stream, std::string_view bytes);
  void write_out();

  // The program has ended: what it left without an end of line is a line too.
  void finish();

 private:
  void add_line(Stream stream, std::string_view line);
  void open();
  void turn_over();
  std::string_view write(std::string_view lines);
  bool append(std::string_view text);

  std::string path_;
  LogOptions options_;
  kernel::Fd file_;
  std::int64_t size_ = 0;
  std::string partial_[3];  // by stream
  std::string lines_;       // to be written
  std::int64_t lost_ = 0;   // lines that were not, since the last ones that were
};

}  // namespace coracle::engine
