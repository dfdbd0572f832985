// A place where something is made that is not complete yet: a directory below TMP that the making process holds a lock
// on. When the lock is free, that process is dead and what is there is rubbish.
#pragma once

#include <string>
#include <vector>

#include "kernel/fd.hpp"

namespace coracle::image {

class Staging {
 public:
  // Makes a new directory (mode 0700) below `parent`, which exists.
  explicit Staging(const std::string& parent);
  Staging(Staging&&) = default;

  // The directories below `parent` whose makers are dead; they are held now.
  static std::vector<Staging> abandoned(const std::string& parent);

  const std::string& path() const { return path_; }

  // Removes it with all that is in it.
  void remove();

 private:
  Staging(std::string path, kernel::Fd held);

  std::string path_;
  kernel::Fd held_;  // flock(2) LOCK_EX
};

}  // namespace coracle::image
