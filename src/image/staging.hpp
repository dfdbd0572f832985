// A place where something is made that is not complete yet: a directory below TMP that the making process holds a lock
// on. When the lock is free, that process is dead and what is there is rubbish.
#pragma once

#include <functional>
#include <optional>
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

  // A new one, when nobody else has one: `act` is called while nobody else can make one. Nothing when somebody has.
  static std::optional<Staging> alone(const std::string& parent, const std::function<void()>& act);

  const std::string& path() const { return path_; }

  // Removes it with all that is in it.
  void remove();

 private:
  Staging(std::string path, kernel::Fd held);
  static kernel::Fd lock_all(const std::string& parent);
  static Staging make(const std::string& parent, const kernel::Fd& lock);

  std::string path_;
  kernel::Fd held_;  // flock(2) LOCK_EX
};

}  // namespace coracle::image
