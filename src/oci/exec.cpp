// coracle-oci exec: one more program in a running container, no less confined than its first.
#include <fmt/format.h>
#include <unistd.h>

#include "kernel/capability.hpp"
#include "kernel/executable.hpp"
#include "kernel/recorder.hpp"
#include "kernel/tty.hpp"
#include "launch/assemble.hpp"
#include "launch/attend.hpp"
#include "launch/launch.hpp"
#include "oci/bundle.hpp"

namespace coracle::oci {
namespace {

using kernel::Error;

struct Exec {
  std::string process_file, pid_file, console_socket, cwd, user;
  std::vector<std::string> env, groups, capabilities, args;
  bool detach = false, terminal = false, no_new_privileges = false, ignore_paused = false;
  unsigned preserve_fds = 0;
};

void add_process_options(Options& options, Exec& exec) {
  const auto push = [](std::vector<std::string>& list) {
    return [&list](const std::string& text) { list.push_back(text); };
  };
  options.value('p', "process", "FILE", "The program as JSON, as \"process\" in config.json", exec.process_file);
  options.value(0, "cwd", "DIR", "Where the program starts", exec.cwd);
  options.value('e', "env", "NAME=VALUE", "A variable", push(exec.env));
  options.flag('t', "tty", "A terminal of its own", exec.terminal);
  options.value('u', "user", "UID[:GID]", "Who it runs as", exec.user);
  options.value('g', "additional-gids", "GID", "One more group", push(exec.groups));
  options.value('c', "cap", "NAME", "One more capability", push(exec.capabilities));
  options.flag(0, "no-new-privs", "It can gain no privileges", exec.no_new_privileges);
}

void add_door_options(Options& options, Exec& exec) {
  options.value(0, "console-socket", "PATH", "A unix socket that is sent the master of its terminal",
                exec.console_socket);
  options.value(0, "pid-file", "FILE", "Where the number of its process is written", exec.pid_file);
  options.flag('d', "detach", "Do not wait for its end", exec.detach);
  options.value(0, "preserve-fds", "N", "So many of our descriptors from 3 on go to the program",
                [&](const std::string& text) { exec.preserve_fds = parse_descriptor_count(text); });
  options.flag(0, "ignore-paused", "Also in a paused container: it runs when that is resumed", exec.ignore_paused);
}

unsigned parse_id(const std::string& text) {
  if (text.empty() || text.size() > 10 || text.find_first_not_of("0123456789") != std::string::npos)
    throw Error("read the id \"" + text + "\"", 0, "a number is allowed");
  const unsigned long number = std::stoul(text);
  // Cut off, 4294967296 would be root (CVE-2024-40635).
  if (number > 0x7fffffff) throw Error("read the id \"" + text + "\"", 0, "an id goes from 0 to 2147483647");
  return static_cast<unsigned>(number);
}

void add_capability(const std::string& name, parts::ConfineOptions& confine) {
  const auto number = kernel::capability_number(name);
  if (!number) return warn("there is no capability " + name);  // no error, as in config.json
  const auto bit = kernel::Capabilities{1} << static_cast<unsigned>(*number);
  for (kernel::Capabilities* set :
       {&confine.capabilities->bounding, &confine.capabilities->permitted, &confine.capabilities->effective})
    *set |= bit;
}

// The container's own process, with what the command line says in its place.
ProcessConfig changed_process(const Exec& wanted, ProcessConfig process) {
  process.process.args = wanted.args;
  process.terminal = wanted.terminal;
  if (!wanted.cwd.empty()) process.process.cwd = wanted.cwd;
  process.process.env.insert(process.process.env.end(), wanted.env.begin(), wanted.env.end());
  if (!wanted.user.empty()) {
    const std::size_t colon = wanted.user.find(':');
    const unsigned gid = colon == std::string::npos ? 0 : parse_id(wanted.user.substr(colon + 1));
    process.process.user = fmt::format("{}:{}", parse_id(wanted.user.substr(0, colon)), gid);
  }
  for (const std::string& group : wanted.groups) process.process.groups.push_back(parse_id(group));
  for (const std::string& name : wanted.capabilities) add_capability(name, process.confine);
  if (wanted.no_new_privileges) process.confine.no_new_privileges = true;
  return process;
}

ProcessConfig wanted_process(const Exec& wanted, const Config& config) {
  if (wanted.process_file.empty()) return changed_process(wanted, config.process);
  const std::string name = "the process in " + wanted.process_file;
  const nlohmann::json document = parse_json(kernel::read_file(wanted.process_file, kLargestConfig), name);
  return read_process(Field(document, name));
}

struct Console {
  int socket = -1;  // where the master of the program's terminal goes
  kernel::WindowSize size;
  launch::Watch watch = {};
};

int join(const Container& container, const FirstProcess& first, const Exec& wanted, Config& config,
         const Console& console) {
  if (console.socket >= 0) config.spec.terminal = parts::TerminalOptions{console.socket, console.size};
  parts::Parts parts = launch::assemble(config.spec);
  const auto ending = launch::join(config.process.process, parts, first.pid,
                                   {.run_root = container.root,
                                    .id = container.id,
                                    .pidfd = &first.pidfd,
                                    .detach = wanted.detach,
                                    .executed = [&](pid_t pid) { write_pid_file(wanted.pid_file, pid); },
                                    .watch = console.watch});
  return ending ? ending->status() : 0;
}

int join_with_console(const Container& container, const FirstProcess& first, const Exec& wanted) {
  Config config = read_noted_config(container);
  ProcessConfig process = wanted_process(wanted, config);
  process.process.preserve_fds = wanted.preserve_fds;
  take_process(config, std::move(process));
  if (!config.process.terminal) return join(container, first, wanted, config, {});
  if (!wanted.console_socket.empty()) {
    const kernel::Fd socket = open_console_socket(wanted.console_socket);
    return join(container, first, wanted, config, {socket.get(), config.process.size});
  }
  if (wanted.detach)
    throw Error("give the program a terminal", 0, "with --detach, --console-socket must say who gets it");
  return launch::attend({.interactive = kernel::is_terminal(STDIN_FILENO)}, [&](launch::Keeper& keeper) {
    const parts::TerminalOptions options = keeper.options();
    return join(container, first, wanted, config, {options.console_socket, options.size, keeper.watch()});
  });
}

}  // namespace

int exec(const Door& door, Words words) {
  Options options("exec", "[OPTIONS] ID COMMAND [ARG...]  (or: --process FILE ID)",
                  "Run one more program in a running container.");
  Exec wanted;
  options.group("The program");
  add_process_options(options, wanted);
  options.group("Options");
  add_door_options(options, wanted);
  if (!options.read(words, false)) return 0;
  if (words.empty()) throw Error("read the command line", 0, "the id of a container is missing");
  const Container container = find_container(door.root, words[0]);
  wanted.args.assign(words.begin() + 1, words.end());
  if (wanted.args.empty() == wanted.process_file.empty())
    throw Error("read the command line", 0, "either a command or --process FILE must say what to run");
  const FirstProcess first = first_process(container);
  const std::string status = status_of(container, first);
  if (status == "stopped" || status == "creating")
    throw Error("run a program in " + container.id, 0, "cannot exec in a container that is " + status);
  if (status == "paused" && !wanted.ignore_paused)
    throw Error("run a program in " + container.id, 0, "cannot exec in a paused container; see --ignore-paused");
  kernel::shield_executable_from(first.pid);
  return join_with_console(container, first, wanted);
}

}  // namespace coracle::oci
