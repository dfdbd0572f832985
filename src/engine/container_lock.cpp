#include "engine/container_lock.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include "kernel/error.hpp"
#include "kernel/recorder.hpp"

namespace coracle::engine {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr const char* kFile = "/lock";

// An empty Fd when it is not there.
Fd open_file(const std::string& directory, int flags) {
  const std::string path = directory + kFile;
  Fd file(kernel::note_call([&] { return ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600); },
                            "open {}", path));
  if (!file && errno != ENOENT && errno != ENOTDIR) throw Error("open " + path, errno);
  return file;
}

struct flock whole_file() {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  return range;
}

}  // namespace

std::optional<ContainerLock> ContainerLock::lock(const std::string& directory, int command) {
  Fd file = open_file(directory, 0);
  if (!file) return std::nullopt;
  struct flock range = whole_file();
  while (kernel::note_call([&] { return fcntl(file.get(), command, &range); }, "lock {}", directory) < 0) {
    if (errno == EAGAIN || errno == EACCES) return std::nullopt;
    if (errno != EINTR) throw Error("lock " + directory, errno);
  }
  struct stat status {};
  if (fstat(file.get(), &status) < 0 || status.st_nlink == 0) return std::nullopt;  // removed meanwhile
  return ContainerLock(std::move(file));
}

ContainerLock ContainerLock::make(const std::string& directory) {
  while (true) {
    if (kernel::note_call([&] { return mkdir(directory.c_str(), 0700); }, "mkdir {}", directory) < 0) {
      if (errno != ENOENT && errno != EEXIST) throw Error("mkdir " + directory, errno);
      kernel::make_directories(directory, 0700);
    }
    // A sweep that comes in between takes it for one without a record, and removes it.
    if (open_file(directory, O_CREAT)) {
      if (auto lock = take(directory)) return *std::move(lock);
    }
  }
}

std::optional<ContainerLock> ContainerLock::take(const std::string& directory) { return lock(directory, F_OFD_SETLK); }

std::optional<ContainerLock> ContainerLock::await(const std::string& directory) {
  return lock(directory, F_OFD_SETLKW);
}

bool ContainerLock::held(const std::string& directory) {
  const Fd file = open_file(directory, 0);
  struct flock range = whole_file();
  return file && fcntl(file.get(), F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

}  // namespace coracle::engine
