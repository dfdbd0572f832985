// coracle exec: options, semantics and exit status as docker exec has them.
#include "engine/exec.hpp"

#include "cli/cli.hpp"
#include "cli/env.hpp"
#include "cli/options.hpp"
#include "kernel/error.hpp"
#include "launch/attend.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

struct Words {
  engine::ExecOptions options;
  launch::Attendance attendance;
  std::vector<std::string> env_files, env;
  bool terminal = false;
};

bool read_words(Words& words, std::vector<std::string> arguments) {
  Options options("exec", "[OPTIONS] CONTAINER COMMAND [ARG...]",
                  "Run one more program in a running container, as confined as the container's own, and wait for its "
                  "end.");
  engine::ExecOptions& exec = words.options;
  options.flag('i', "interactive", "Pass our stdin on; without it the program reads /dev/null",
               words.attendance.interactive);
  options.flag('t', "tty", "A terminal of its own", words.terminal);
  options.value(0, "detach-keys", "KEYS", "The keys that leave the program behind (ctrl-p,ctrl-q)",
                words.attendance.detach_keys);
  options.value('e', "env", "NAME=VALUE", "A variable; NAME alone takes it from here",
                [&](const std::string& text) { words.env.push_back(read_variable(text)); });
  options.value(0, "env-file", "FILE", "A file with such a variable on each line", [&](const std::string& path) {
    for (std::string& variable : read_env_file(path)) words.env_files.push_back(std::move(variable));
  });
  options.value('w', "workdir", "DIRECTORY", "Where the program starts", exec.working_dir);
  options.value('u', "user", "USER", "NAME, UID, NAME:GROUP or UID:GID", exec.user);
  options.flag(0, "privileged", "With all capabilities", exec.privileged);
  if (!options.read(arguments, false)) return false;
  if (arguments.size() < 2) {
    throw Error("read the command line", 0, "a container and a command are needed; see coracle exec --help");
  }
  exec.container = arguments.front();
  exec.command.assign(arguments.begin() + 1, arguments.end());
  exec.env = std::move(words.env_files);  // those of -e come later, and win
  exec.env.insert(exec.env.end(), words.env.begin(), words.env.end());
  return true;
}

}  // namespace

int exec(const Door& door, std::vector<std::string> arguments) {
  Words words;
  if (!read_words(words, std::move(arguments))) return 0;
  const auto act = [&](launch::Keeper* keeper) {
    engine::Engine engine(door.roots, true);
    return engine::exec(engine, words.options, keeper);
  };
  if (words.terminal) return launch::attend(words.attendance, [&](launch::Keeper& keeper) { return act(&keeper); });
  if (!words.attendance.interactive) read_nothing();
  return act(nullptr);
}

}  // namespace coracle::cli
