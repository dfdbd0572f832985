// coracle: containers from the command line. This file reads what stands before the command, and picks it.
#include <cstdio>
#include <string>
#include <vector>

#include "cli/cli.hpp"
#include "image/store.hpp"
#include "kernel/error.hpp"
#include "launch/launch.hpp"
#include "launch/report.hpp"

using namespace coracle;

namespace {

struct Command {
  const char* name;
  const char* what;
  int (*act)(const cli::Door& door, std::vector<std::string> words);
};

constexpr Command kCommands[] = {
    {"run", "Run a program in a new container from an image", cli::run},
    {"exec", "Run one more program in a running container", cli::exec},
    {"kill", "Send a signal to running containers", cli::kill},
    {"images", "List the images", cli::images},
    {"import", "Make an image of tar archives, each of which becomes one layer", cli::import},
    {"doctor", "Say what this host can do, and how to mend what it cannot", cli::doctor},
};

void print_help() {
  std::puts("Usage: coracle [--root DIR] [--run DIR] COMMAND ...\n\nCommands:");
  for (const Command& command : kCommands) std::printf("  %-8s %s\n", command.name, command.what);
  std::puts(
      "\nOptions:\n"
      "  --root DIR  Images, volumes and containers ($CORACLE_ROOT, else /var/lib/coracle; for an ordinary user\n"
      "              $XDG_DATA_HOME/coracle, else ~/.local/share/coracle)\n"
      "  --run DIR   State of what runs ($CORACLE_RUN, else a directory in memory: /run/coracle or /dev/shm/coracle;\n"
      "              for an ordinary user $XDG_RUNTIME_DIR/coracle, else /dev/shm/coracle-UID)\n"
      "  --version   Print the version\n"
      "  --help      This text\n\n"
      "\"coracle COMMAND --help\" tells about one command.");
}

[[noreturn]] void refuse(const std::string& what) { throw kernel::Error(what, 0, "see coracle --help"); }

// "--root DIR" and "--root=DIR": takes the option from the front of the words.
bool take_option(std::vector<std::string>& words, const std::string& name, std::string& value) {
  const std::string& word = words.front();
  if (word == name) {
    if (words.size() < 2) refuse("read the option " + name + ": a directory must follow");
    value = words[1];
    words.erase(words.begin(), words.begin() + 2);
    return true;
  }
  if (word.compare(0, name.size() + 1, name + "=") != 0) return false;
  value = word.substr(name.size() + 1);
  words.erase(words.begin());
  return true;
}

int act(std::vector<std::string> words) {
  cli::Door door{{image::default_root(), launch::default_run_root()}};
  while (!words.empty() &&
         (take_option(words, "--root", door.roots.data) || take_option(words, "--run", door.roots.run))) {
  }
  if (words.empty() || words[0] == "--help" || words[0] == "help") {
    print_help();
    return words.empty() ? cli::kFailure : 0;
  }
  if (words[0] == "--version") {
    std::printf("coracle %s\n", cli::kVersion);
    return 0;
  }
  const std::string name = words[0];
  words.erase(words.begin());
  for (const Command& command : kCommands) {
    if (name == command.name) return command.act(door, std::move(words));
  }
  refuse((name[0] == '-' ? "unknown option " : "unknown command ") + name);
}

}  // namespace

int main(int argc, char** argv) {
  return launch::report_errors("coracle", [&] { return act({argv + 1, argv + argc}); });
}
