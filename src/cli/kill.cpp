// coracle kill: sends a signal to the first process of running containers, as docker kill does.
#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "engine/lifecycle.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
int kill(const Door& door, std::vector<std::string> words) {
  std::string signal = "KILL";
  Options options("kill", "[OPTIONS] CONTAINER [CONTAINER...]", "Send a signal to the programs of running containers.");
  options.value('s', "signal", "SIGNAL", "Which one (KILL)", signal);
  if (!options.read(words)) return 0;
  if (words.empty()) throw kernel::Error("read the command line", 0, "a container is missing; see coracle kill --help");
  const int number = read_signal(signal);
  engine::Engine engine(door.roots, true);
  return for_each_container(engine, words,
                            [&](const engine::Record& record) { engine::send_signal(engine, record, number); });
}

}  // namespace coracle::cli
