// coracle kill: sends a signal to the first process of running containers, as docker kill does.
#include <cstdio>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "engine/exec.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

int read_signal(const std::string& text) {
  const auto number = kernel::signal_number(text);
  if (!number) throw Error("read the signal \"" + text + "\"", 0, "write a name or a number: TERM, SIGTERM, 15");
  return *number;
}

}  // namespace

int kill(const Door& door, std::vector<std::string> words) {
  std::string signal = "KILL";
  Options options("kill", "[OPTIONS] CONTAINER [CONTAINER...]", "Send a signal to the programs of running containers.");
  options.value('s', "signal", "SIGNAL", "Which one (KILL)", signal);
  if (!options.read(words)) return 0;
  if (words.empty()) throw Error("read the command line", 0, "a container is missing; see coracle kill --help");
  const int number = read_signal(signal);
  engine::Engine engine(door.roots, true);
  for (const std::string& word : words) {
    const engine::Record record = engine::find_container(engine.records, word);
    kernel::send_signal(engine::first_process(record), number);
    std::puts(word.c_str());
  }
  return 0;
}

}  // namespace coracle::cli
