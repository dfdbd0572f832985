// coracle exec: options, semantics and exit status as docker exec has them.
#include "engine/exec.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "cli/cli.hpp"
#include "cli/env.hpp"
#include "cli/options.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "kernel/tty.hpp"
#include "kernel/unix_socket.hpp"
#include "launch/attend.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

struct Words {
  engine::ExecOptions options;
  launch::Attendance attendance;
  std::vector<std::string> env_files, env;
  bool terminal = false;
  bool detach = false;
};

bool read_words(Words& words, std::vector<std::string> arguments) {
  Options options("exec", "[OPTIONS] CONTAINER COMMAND [ARG...]",
                  "Run one more program in a running container, as confined as the container's own, and wait for its "
                  "end.");
  engine::ExecOptions& exec = words.options;
  options.flag('d', "detach", "Do not wait for its end, and let go of what it prints", words.detach);
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
  if (words.detach && words.terminal)
    throw Error("read the options -d and -t", 0, "nobody would sit at the terminal; give one of the two");
  exec.container = arguments.front();
  exec.command.assign(arguments.begin() + 1, arguments.end());
  exec.env = std::move(words.env_files);  // those of -e come later, and win
  exec.env.insert(exec.env.end(), words.env.begin(), words.env.end());
  return true;
}

int act(const Door& door, const engine::ExecOptions& options, launch::Keeper* keeper,
        const std::function<void()>& executed = {}) {
  return engine::exec(door.roots, options, keeper, executed);
}

// A process of its own waits for the program in our place. What is wrong until the program runs it still says where we
// would; the program reads and writes nothing.
int act_detached(const Door& door, const engine::ExecOptions& options) {
  auto [ours, theirs] = kernel::socketpair();
  const kernel::Child waiting = kernel::clone3(0);
  if (waiting.pid != 0) {
    theirs.close();
    return kernel::receive_message(ours, 1).text.empty() ? kernel::wait(waiting.pidfd).status() : 0;
  }
  ours.close();
  setsid();
  kernel::Fd stderr_before(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  kernel::become_stdio(kernel::open("/dev/null", O_RDWR));
  const auto executed = [&, &line = theirs] {
    stderr_before.close();
    kernel::write_all(line, "x");
  };
  try {
    return act(door, options, nullptr, executed);
  } catch (...) {
    if (stderr_before) dup2(stderr_before.get(), STDERR_FILENO);
    throw;
  }
}

}  // namespace

int exec(const Door& door, std::vector<std::string> arguments) {
  Words words;
  if (!read_words(words, std::move(arguments))) return 0;
  // Where two processes do the work: it may begin the program anew, which is to be done before there are two.
  if (words.detach || words.terminal) engine::shield_from(door.roots, words.options.container);
  if (words.detach) return act_detached(door, words.options);
  if (words.terminal) {
    return launch::attend(words.attendance, [&](launch::Keeper& keeper) { return act(door, words.options, &keeper); });
  }
  if (!words.attendance.interactive) read_nothing();
  return act(door, words.options, nullptr);
}

}  // namespace coracle::cli
