// Entries of a directory that are not plain files: directories, device nodes, links. mkdirat(2), mknodat(2),
// symlinkat(2), umask(2).
#pragma once

#include <string>

#include <sys/types.h>

#include "kernel/fd.hpp"

namespace coracle::kernel {

void mkdirat(const Fd& directory, const std::string& name, mode_t mode);

// `mode` holds the type too (S_IFCHR | 0666); `device` is from makedev(3).
void mknodat(const Fd& directory, const std::string& name, mode_t mode, dev_t device);

void symlinkat(const std::string& text, const Fd& directory, const std::string& name);

// While it lives, what this process creates has exactly the mode that it asked for.
class NoUmask {
 public:
  NoUmask();
  ~NoUmask();
  NoUmask(const NoUmask&) = delete;
  NoUmask& operator=(const NoUmask&) = delete;

 private:
  mode_t before_;
};

}  // namespace coracle::kernel
