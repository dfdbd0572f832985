#include "parts/volumes/named_volume.hpp"

#include <cstdio>

#include <sys/file.h>
#include <unistd.h>

#include "kernel/copy_tree.hpp"
#include "kernel/inode.hpp"
#include "kernel/mountpoint.hpp"
#include "kernel/recorder.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

// Only root passes: what containers keep may be set-user-ID (CVE-2021-41091). 1 lets users below in user namespaces.
constexpr mode_t kMode = 0711;

bool has(const Fd& directory, const char* name) {
  return faccessat(directory.get(), name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool is_empty(const Fd& directory) {
  return !has(directory, "_data") || kernel::list(kernel::openat(directory, "_data", O_PATH | O_NOFOLLOW)).empty();
}

// Moves the entries of a complete copy to _data. A running container that uses the empty volume may have made an
// entry of the same name meanwhile: its own stays.
void move_filled(const Fd& directory) {
  const Fd data = open_volume_data(directory);
  const Fd filled = kernel::openat(directory, "_filled", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  for (const std::string& name : kernel::list(filled)) {
    const auto move = [&] { return renameat2(filled.get(), name.c_str(), data.get(), name.c_str(), RENAME_NOREPLACE); };
    if (kernel::note_call(move, "renameat2 {}", name) < 0 && errno != EEXIST) throw Error("renameat2 " + name, errno);
  }
  kernel::copy_attributes(filled, data);
  kernel::remove_tree(directory, "_filled");
}

void fill(const Fd& directory, const Fd& image) {
  kernel::copy_tree(image, directory, "_filling");
  kernel::attempt([&] { return renameat(directory.get(), "_filling", directory.get(), "_filled"); },
                  "renameat _filling _filled");
  move_filled(directory);
}

}  // namespace

// Another start may remove a half-made volume
// between our open and our lock; then we make it again.
Fd lock_volume(const std::string& path) {
  while (true) {
    kernel::make_directories(path, kMode);
    const int number = kernel::note_call(
        [&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); }, "open {}", path);
    if (number < 0 && errno == ENOENT) continue;
    if (number < 0) throw Error("open " + path, errno);
    Fd directory(number);
    kernel::lock(directory, LOCK_EX);
    struct stat status {};
    kernel::attempt([&] { return fstat(directory.get(), &status); }, "fstat {}", path);
    if (status.st_nlink > 0) return directory;
  }
}

Fd open_volume_data(const Fd& directory) {
  const int result = kernel::note_call([&] { return ::mkdirat(directory.get(), "_data", 0755); }, "mkdirat _data");
  if (result < 0 && errno != EEXIST) throw Error("mkdirat _data", errno);
  return kernel::openat(directory, "_data", O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

Fd open_named_volume(const std::string& path, const Fd& image) {
  const Fd directory = lock_volume(path);
  try {
    kernel::remove_tree(directory, "_filling");
    if (has(directory, "_filled")) {
      move_filled(directory);
    } else if (image && is_empty(directory)) {
      fill(directory, image);
    }
    return open_volume_data(directory);
  } catch (const Error& error) {
    throw Error("fill the volume " + path + ": " + error.attempt(), error.code(), error.hint());
  }
}

void remove_named_volume(const std::string& path, const std::function<void()>& check) {
  const Fd directory = lock_volume(path);
  check();
  // What is mounted there is somebody else's, and must not be emptied.
  if (has(directory, "_data") && kernel::is_mount_root(open_volume_data(directory)))
    throw Error("remove " + path, EBUSY, "something is mounted on its _data");
  kernel::remove_tree(path);
}

void tidy_named_volume(const std::string& path) {
  const int number = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (number < 0) return;
  const Fd directory(number);
  if (!kernel::lock(directory, LOCK_EX | LOCK_NB)) return;  // another start is at work on it, and will see to it
  kernel::remove_tree(directory, "_filling");
  ::rmdir(path.c_str());  // fails as long as _data is there, which is right
}

}  // namespace coracle::parts
