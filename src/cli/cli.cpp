#include "cli/cli.hpp"

#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "engine/exec.hpp"
#include "kernel/error.hpp"
#include "kernel/fd.hpp"

namespace coracle::cli {

void read_nothing() {
  const kernel::Fd nothing = kernel::open("/dev/null", O_RDONLY);
  dup2(nothing.get(), STDIN_FILENO);
}

int for_each(const std::vector<std::string>& words, const std::function<void(const std::string&)>& act) {
  int status = 0;
  for (const std::string& word : words) {
    try {
      act(word);
    } catch (const kernel::Error& error) {
      std::fflush(stdout);
      std::fprintf(stderr, "coracle: %s\n", kernel::printable(error.what()).c_str());
      status = 1;
    }
  }
  return status;
}

bool agrees(const std::string& warning) {
  std::printf("WARNING! This will remove %s.\nAre you sure you want to continue? [y/N] ", warning.c_str());
  std::fflush(stdout);
  char answer[8] = "";  // a line that is longer is no yes
  if (std::fgets(answer, sizeof answer, stdin) == nullptr) return false;
  return std::strcmp(answer, "y\n") == 0 || std::strcmp(answer, "Y\n") == 0;
}

int for_each_container(engine::Engine& engine, const std::vector<std::string>& words,
                       const std::function<void(const engine::Record&)>& act) {
  return for_each(words, [&](const std::string& word) {
    act(engine::find_container(engine.records, word));
    std::puts(word.c_str());
    std::fflush(stdout);
  });
}

void sweep(engine::Engine& engine) { report_left_behind(engine.sweep()); }

void report_left_behind(const std::vector<std::string>& left_behind) {
  for (const std::string& left : left_behind) std::fprintf(stderr, "coracle: left behind: %s\n", left.c_str());
}

}  // namespace coracle::cli
