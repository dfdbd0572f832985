#include "kernel/node.hpp"

#include <unistd.h>

#include "kernel/recorder.hpp"

namespace coracle::kernel {

void mkdirat(const Fd& directory, const std::string& name, mode_t mode) {
  attempt([&] { return ::mkdirat(directory.get(), name.c_str(), mode); }, "mkdirat {}", name);
}

void mknodat(const Fd& directory, const std::string& name, mode_t mode, dev_t device) {
  attempt([&] { return ::mknodat(directory.get(), name.c_str(), mode, device); }, "mknodat {}", name);
}

void symlinkat(const std::string& text, const Fd& directory, const std::string& name) {
  attempt([&] { return ::symlinkat(text.c_str(), directory.get(), name.c_str()); }, "symlinkat {} -> {}", name, text);
}

NoUmask::NoUmask() : before_(::umask(0)) {}
NoUmask::~NoUmask() { ::umask(before_); }

}  // namespace coracle::kernel
