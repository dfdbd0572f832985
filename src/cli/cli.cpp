#include "cli/cli.hpp"

#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

#include "kernel/fd.hpp"

namespace coracle::cli {

void read_nothing() {
  const kernel::Fd nothing = kernel::open("/dev/null", O_RDONLY);
  dup2(nothing.get(), STDIN_FILENO);
}

void sweep(engine::Engine& engine) { report_left_behind(engine.sweep()); }

void report_left_behind(const std::vector<std::string>& left_behind) {
  for (const std::string& left : left_behind) std::fprintf(stderr, "coracle: left behind: %s\n", left.c_str());
}

}  // namespace coracle::cli
