#include "cli/cli.hpp"

#include <cstdio>

namespace coracle::cli {

void sweep(engine::Engine& engine) { report_left_behind(engine.sweep()); }

void report_left_behind(const std::vector<std::string>& left_behind) {
  for (const std::string& left : left_behind) std::fprintf(stderr, "coracle: left behind: %s\n", left.c_str());
}

}  // namespace coracle::cli
