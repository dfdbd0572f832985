// What is written beside its place and gets the name when it is whole, so that nothing half done ever has it and what
// had it before stays when something fails.
#pragma once

#include <functional>
#include <string>

#include "kernel/fd.hpp"

namespace coracle::image {

// A name beside `path`, on the same file system, that nobody else has: in a directory that mkdtemp(3) made.
class Beside {
 public:
  explicit Beside(const std::string& path);
  // Removes what did not take the name.
  ~Beside();
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  std::string place() const { return directory_ + "/new"; }
  void take_the_name() const;

 private:
  std::string path_, directory_;
};

// Gives `write` a new file, mode 0600, that takes the place of `path` when it returns. A pipe or a device at `path`, or
// stdout where `path` is "", is written to itself.
void write_whole(const std::string& path, const std::function<void(const kernel::Fd& file)>& write);

}  // namespace coracle::image
