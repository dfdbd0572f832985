// coracle wait: waits until containers have ended, and prints their statuses, as docker wait does.
#include <cstdio>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "engine/exec.hpp"
#include "engine/lifecycle.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {

int wait(const Door& door, std::vector<std::string> words) {
  Options options("wait", "CONTAINER [CONTAINER...]",
                  "Wait until containers have ended, and print their exit statuses.");
  if (!options.read(words)) return 0;
  if (words.empty()) throw kernel::Error("read the command line", 0, "a container is missing; see coracle wait --help");
  engine::Engine engine(door.roots, true);
  return for_each(words, [&](const std::string& word) {
    std::printf("%d\n", engine::wait(engine, engine::find_container(engine.records, word)));
    std::fflush(stdout);
  });
}

}  // namespace coracle::cli
