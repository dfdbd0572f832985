// coracle stop and restart: ask containers to end, and end those that do not, as docker has it.
#include <charconv>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "engine/lifecycle.hpp"
#include "engine/supervise.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

struct Words {
  std::optional<int> timeout;
  int signal = 0;
};

bool read_words(const char* command, const char* what, std::vector<std::string>& words, Words& read) {
  Options options(command, "[OPTIONS] CONTAINER [CONTAINER...]", what);
  options.value('t', "time,--timeout", "SECONDS", "How long it may take to end (10); -1 for ever",
                [&](const std::string& text) {
                  int seconds = 0;
                  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
                  if (error != std::errc() || end != text.data() + text.size() || seconds < -1)
                    throw Error("read --time " + text, 0, "write a number of seconds, or -1");
                  read.timeout = seconds;
                });
  options.value('s', "signal", "SIGNAL", "What asks it to end (the container's own)",
                [&](const std::string& text) { read.signal = read_signal(text); });
  if (!options.read(words)) return false;
  if (words.empty())
    throw Error("read the command line", 0, std::string("a container is missing; see coracle ") + command + " --help");
  return true;
}

}  // namespace

int read_signal(const std::string& text) {
  const auto number = kernel::signal_number(text);
  if (!number) throw Error("read the signal \"" + text + "\"", 0, "write a name or a number: TERM, SIGTERM, 15");
  return *number;
}

int stop(const Door& door, std::vector<std::string> words) {
  Words read;
  if (!read_words("stop", "Ask containers to end, and end those that take too long.", words, read)) return 0;
  engine::Engine engine(door.roots, true);
  return for_each_container(
      engine, words, [&](const engine::Record& record) { engine::stop(engine, record, read.timeout, read.signal); });
}

int restart(const Door& door, std::vector<std::string> words) {
  Words read;
  if (!read_words("restart", "Stop containers where they run, and start them.", words, read)) return 0;
  engine::Engine engine(door.roots, true);
  return for_each_container(engine, words, [&](const engine::Record& record) {
    engine::stop(engine, record, read.timeout, read.signal);
    engine::start_detached(door.roots, record.id);
  });
}

}  // namespace coracle::cli
