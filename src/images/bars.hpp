// How far things are, a line for each, as docker shows it: lines that change on a terminal, else a line for each new
// state. For several threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace coracle::images {

class Bars {
 public:
  // On stdout; with `quiet` nothing is shown.
  explicit Bars(bool quiet) : quiet_(quiet) {}

  // One more line, when the digest has none yet. They are shown by begin().
  void add(const std::string& digest, const std::string& state);
  void begin();

  // "Pull complete". A state that a line has already is not told again.
  void state(const std::string& digest, const std::string& text);

  // "Downloading [====>   ] 12.3MB/45MB".
  void progress(const std::string& digest, const char* what, std::uint64_t bytes, std::uint64_t total);

 private:
  struct Line {
    std::string digest, text;
    std::chrono::steady_clock::time_point shown;
  };
  Line* find(const std::string& digest);
  void show(const Line& line) const;

  bool quiet_;
  bool moving_ = false;  // on a terminal that has room for all lines
  std::uint16_t columns_ = 0;
  std::mutex mutex_;
  std::vector<Line> lines_;
};

}  // namespace coracle::images
