#include "image/staging.hpp"

#include <cstdlib>

#include <sys/file.h>

#include "kernel/inode.hpp"
#include "kernel/recorder.hpp"

namespace coracle::image {

using kernel::Fd;

Staging::Staging(std::string path, Fd held) : path_(std::move(path)), held_(std::move(held)) {}

Staging::Staging(const std::string& parent) : path_(parent + "/XXXXXX") {
  // Held while a directory is made and locked, so that nobody takes it for abandoned in between.
  const Fd lock = kernel::open(parent, O_RDONLY | O_DIRECTORY);
  kernel::lock(lock, LOCK_EX);
  kernel::attempt([&] { return mkdtemp(path_.data()) != nullptr ? 0 : -1; }, "mkdtemp {}/XXXXXX", parent);
  held_ = kernel::open(path_, O_RDONLY | O_DIRECTORY);
  kernel::lock(held_, LOCK_EX);
}

std::vector<Staging> Staging::abandoned(const std::string& parent) {
  std::vector<Staging> found;
  const Fd directory_of_all = kernel::open(parent, O_RDONLY | O_DIRECTORY);
  if (kernel::list(directory_of_all).empty()) return found;  // nearly always: no lock needed for that
  kernel::lock(directory_of_all, LOCK_EX);
  for (const std::string& name : kernel::list(directory_of_all)) {
    const std::string path = fmt::format("{}/{}", parent, name);
    Fd directory = kernel::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (kernel::lock(directory, LOCK_EX | LOCK_NB)) found.push_back(Staging(path, std::move(directory)));
  }
  return found;
}

void Staging::remove() { kernel::remove_tree(path_); }

}  // namespace coracle::image
