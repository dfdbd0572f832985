#include "image/staging.hpp"

#include <cstdlib>

#include <sys/file.h>

#include "kernel/inode.hpp"
#include "kernel/recorder.hpp"

namespace coracle::image {

using kernel::Fd;

namespace {

// Whoever is done with a directory removes it without asking.
Fd open_if_there(const Fd& parent, const std::string& name) {
  return kernel::find_in_root(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

}  // namespace

Staging::Staging(std::string path, Fd held) : path_(std::move(path)), held_(std::move(held)) {}

// Held while a directory is made and locked, so that nobody takes it for abandoned in between.
Fd Staging::lock_all(const std::string& parent) {
  Fd lock = kernel::open(parent, O_RDONLY | O_DIRECTORY);
  kernel::lock(lock, LOCK_EX);
  return lock;
}

Staging::Staging(const std::string& parent) : Staging(make(parent, lock_all(parent))) {}

Staging Staging::make(const std::string& parent, const Fd&) {
  std::string path = parent + "/XXXXXX";
  kernel::attempt([&] { return mkdtemp(path.data()) != nullptr ? 0 : -1; }, "mkdtemp {}/XXXXXX", parent);
  Fd held = kernel::open(path, O_RDONLY | O_DIRECTORY);
  kernel::lock(held, LOCK_EX);
  return {std::move(path), std::move(held)};
}

std::optional<Staging> Staging::alone(const std::string& parent, const std::function<void()>& act) {
  const Fd lock = lock_all(parent);
  for (const std::string& name : kernel::list(lock)) {
    const Fd directory = open_if_there(lock, name);
    if (directory && !kernel::lock(directory, LOCK_EX | LOCK_NB)) return std::nullopt;
  }
  std::optional<Staging> staging(make(parent, lock));
  act();
  return staging;
}

std::vector<Staging> Staging::abandoned(const std::string& parent) {
  std::vector<Staging> found;
  const Fd directory_of_all = kernel::open(parent, O_RDONLY | O_DIRECTORY);
  if (kernel::list(directory_of_all).empty()) return found;  // nearly always: no lock needed for that
  kernel::lock(directory_of_all, LOCK_EX);
  for (const std::string& name : kernel::list(directory_of_all)) {
    Fd directory = open_if_there(directory_of_all, name);
    if (directory && kernel::lock(directory, LOCK_EX | LOCK_NB)) {
      found.push_back(Staging(fmt::format("{}/{}", parent, name), std::move(directory)));
    }
  }
  return found;
}

void Staging::remove() { kernel::remove_tree(path_); }

}  // namespace coracle::image
