#include "image/beside.hpp"

#include <cstdio>
#include <cstdlib>

#include <sys/stat.h>
#include <unistd.h>

#include "kernel/error.hpp"
#include "kernel/recorder.hpp"

namespace coracle::image {
namespace {

bool is_something_special(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

}  // namespace

Beside::Beside(const std::string& path)
    : path_(path.substr(0, path.find_last_not_of('/') + 1)), directory_(path_ + ".XXXXXX") {
  kernel::attempt([&] { return mkdtemp(directory_.data()) != nullptr ? 0 : -1; }, "mkdtemp {}", directory_);
}

Beside::~Beside() {
  try {
    kernel::remove_tree(directory_);
  } catch (const kernel::Error&) {  // what threw before is what is told
  }
}

void Beside::take_the_name() const {
  kernel::attempt([&] { return std::rename(place().c_str(), path_.c_str()); }, "rename to {}", path_);
}

void write_whole(const std::string& path, const std::function<void(const kernel::Fd& file)>& write) {
  if (path.empty() || is_something_special(path)) {  // a pipe, /dev/null
    return write(path.empty() ? kernel::Fd(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)) : kernel::open(path, O_WRONLY));
  }
  const Beside beside(path);
  write(kernel::open(beside.place(), O_WRONLY | O_CREAT | O_EXCL, 0600));
  beside.take_the_name();
}

}  // namespace coracle::image
