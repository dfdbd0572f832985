#include "cli/commands.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <unistd.h>

#include "image/store.hpp"
#include "kernel/error.hpp"
#include "kernel/recorder.hpp"
#include "launch/launch.hpp"

namespace coracle::cli {
namespace {

void print_help(std::span<const Command> commands) {
  std::puts("Usage: coracle [--root DIR] [--run DIR] COMMAND ...\n\nCommands:");
  for (const Command& command : commands) std::printf("  %-15s %s\n", command.name, command.what);
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

// The other ways in which docker has some of these.
struct Alias {
  const char* name;
  const char* command;
};
constexpr Alias kAliases[] = {
    {"system events", "events"},
    {"system info", "info"},
    {"image build", "build"},
    {"image history", "history"},
    {"image import", "import"},
    {"image inspect", "inspect"},
    {"image list", "images"},
    {"image load", "load"},
    {"image ls", "images"},
    {"image pull", "pull"},
    {"image push", "push"},
    {"image remove", "rmi"},
    {"image rm", "rmi"},
    {"image save", "save"},
    {"image tag", "tag"},
    {"network list", "network ls"},
    {"network remove", "network rm"},
};

bool is_group(const std::string& word) { return word == "image" || word == "network" || word == "system"; }

// Takes the name of a command from the front of the words; those of a group have two words.
std::string take_name(std::vector<std::string>& words) {
  const bool two = words.size() > 1 && is_group(words[0]);
  std::string name = two ? words[0] + " " + words[1] : words[0];
  words.erase(words.begin(), words.begin() + (two ? 2 : 1));
  for (const Alias& alias : kAliases) {
    if (name == alias.name) return alias.command;
  }
  return name;
}

}  // namespace

void execute_images(const Door& door, const std::string& name, const std::vector<std::string>& words) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const std::string program = self + "/coracle-images";
  std::vector<std::string> all{"coracle", "--root", door.roots.data, "--run", door.roots.run, name};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (std::string& word : all) argv.push_back(word.data());
  argv.push_back(nullptr);
  kernel::attempt([&] { return execv(program.c_str(), argv.data()); }, "execve {}", program);
  std::abort();
}

int act(std::span<const Command> commands, std::vector<std::string> words) {
  Door door{{image::default_root(), launch::default_run_root()}};
  while (!words.empty() &&
         (take_option(words, "--root", door.roots.data) || take_option(words, "--run", door.roots.run))) {
  }
  if (words.empty() || words[0] == "--help" || words[0] == "help") {
    print_help(commands);
    return words.empty() ? kFailure : 0;
  }
  if (words[0] == "--version") {
    std::printf("coracle %s\n", kVersion);
    return 0;
  }
  const std::string name = take_name(words);
  for (const Command& command : commands) {
    if (name != command.name) continue;
    if (command.act == nullptr) execute_images(door, name, words);
    return command.act(door, std::move(words));
  }
  if (is_group(name.substr(0, name.find(" --help")))) {
    print_help(commands);
    return 0;
  }
  refuse((name[0] == '-' ? "unknown option " : "unknown command ") + name);
}

}  // namespace coracle::cli
