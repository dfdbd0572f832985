// File descriptors that close themselves, and the calls that open, read and write them.
// Every descriptor is close-on-exec: nothing of ours reaches a container by accident.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

namespace coracle::kernel {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_(number) {}
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { close(); }

  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  int release() { return std::exchange(number_, -1); }
  void close() noexcept;

 private:
  int number_ = -1;
};

// open(2), with O_CLOEXEC added.
Fd open(const std::string& path, int flags, mode_t mode = 0);

// openat(2), with O_CLOEXEC added.
Fd openat(const Fd& directory, const std::string& path, int flags, mode_t mode = 0);

// openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS: "/" and every ".." and symbolic link in `path`
// stay inside `root`, whoever wrote them. `resolve` adds further RESOLVE_ flags.
Fd open_in_root(const Fd& root, const std::string& path, int flags, mode_t mode = 0, std::uint64_t resolve = 0);

// The same for what may be missing: an empty Fd when there is nothing (ENOENT). Whoever expects that asks here:
// an exception costs twenty times as much as the call.
Fd find_in_root(const Fd& root, const std::string& path, int flags, std::uint64_t resolve = 0, mode_t mode = 0);

// Makes the directory `path` and its missing parents inside `root` (mode 0755) and gives it opened O_PATH.
// Existing symbolic links are followed, inside the root.
Fd make_directories_in_root(const Fd& root, const std::string& path);

// mkdir -p on the host. Existing directories are kept as they are.
void make_directories(const std::string& path, mode_t mode = 0755);

// The whole file, at most `limit` bytes (an Error beyond it: the file is not what we think it is).
std::string read_file(const std::string& path, std::size_t limit = 1U << 20U);
std::string read_all(const Fd& fd, std::size_t limit = 1U << 20U);

// One write(2) of the whole text to an existing file, as kernel interface files (/proc, cgroupfs) want it.
void write_file(const std::string& path, std::string_view text);

// Creates or replaces a plain file of ours.
void create_file(const std::string& path, std::string_view text, mode_t mode = 0644);

// The same at once: whoever reads finds what was there before, or all of the text.
void replace_file(const std::string& path, std::string_view text, mode_t mode = 0644);

void write_all(const Fd& fd, std::string_view bytes);

bool exists(const std::string& path);

// Removes `name` below `parent` with everything in it; links are removed, never followed; what is mounted there or
// inside is not entered, and makes it fail (EBUSY). No depth of nesting exhausts descriptors or the stack.
// Nothing there is not an error, nor is what another process removes meanwhile.
void remove_tree(const Fd& parent, const std::string& name);
void remove_tree(const std::string& path);

// flock(2) LOCK_EX or LOCK_SH; with LOCK_NB gives false when somebody else holds it.
bool lock(const Fd& fd, int operation);

}  // namespace coracle::kernel
