// coracle run: options, semantics and exit status as docker run has them.
#include "engine/run.hpp"

#include <cstdio>

#include <unistd.h>

#include "cli/bring.hpp"
#include "cli/cli.hpp"
#include "cli/confinement.hpp"
#include "cli/env.hpp"
#include "cli/options.hpp"
#include "cli/run_options.hpp"
#include "kernel/error.hpp"
#include "launch/rootless.hpp"
#include "launch/timeline.hpp"

namespace coracle::cli {
namespace {

using engine::RunOptions;
using kernel::Error;

struct Words {
  RunOptions options;
  std::vector<std::string> env_files;
  std::vector<std::string> env;
  launch::Attendance attendance;
  PullPolicy pull = PullPolicy::missing;
  std::string platform;
  bool remove = false;
  bool show_timeline = false;
  std::string timeline;  // a file, or "" for the table
};

void add_process_options(Options& options, Words& words) {
  RunOptions& run = words.options;
  options.group("The program");
  options.value('w', "workdir", "DIRECTORY", "Where the program starts", run.working_dir);
  options.value('u', "user", "USER", "NAME, UID, NAME:GROUP or UID:GID", run.user);
  options.value(0, "entrypoint", "PROGRAM", "In place of the image's entry point",
                [&](const std::string& text) { run.entrypoint = text; });
  options.value('e', "env", "NAME=VALUE", "A variable; NAME alone takes it from here",
                [&](const std::string& text) { words.env.push_back(read_variable(text)); });
  options.value(0, "env-file", "FILE", "A file with such a variable on each line", [&](const std::string& path) {
    for (std::string& variable : read_env_file(path)) words.env_files.push_back(std::move(variable));
  });
  options.flag('i', "interactive", "Pass our stdin on; without it the program reads /dev/null",
               words.attendance.interactive);
  options.flag('t', "tty", "A terminal of its own", run.terminal);
  options.value(0, "detach-keys", "KEYS", "The keys that leave the container behind (ctrl-p,ctrl-q)",
                words.attendance.detach_keys);
  options.flag(0, "init", "A small init as pid 1, which passes signals on and reaps orphans", run.init);
}

void add_container_options(Options& options, Words& words) {
  RunOptions& run = words.options;
  options.group("The container");
  options.value(0, "name", "NAME", "Its name; else its id", run.name);
  options.value('h', "hostname", "NAME", "Its host name; else its id", run.hostname);
  options.flag(0, "rm", "Remove it when it ends: for now that is done in any case", words.remove);
  options.flag(0, "read-only", "Its root cannot be written to; volumes can", run.read_only);
  options.value('v', "volume", "SOURCE:DEST[:ro]", "A path of the host, or the name of a volume that outlives it",
                [&](const std::string& text) { run.volumes.push_back(parts::parse_volume(text)); });
  options.value(0, "tmpfs", "DEST[:size=64m,...]", "A directory in memory",
                [&](const std::string& text) { run.volumes.push_back(parts::parse_tmpfs(text)); });
}

void add_image_options(Options& options, Words& words) {
  options.group("The image");
  options.value(0, "pull", "WHEN", "Pull it before: missing (when it is not here), always or never",
                [&](const std::string& word) { words.pull = read_pull_policy(word); });
  options.value(0, "platform", "PLATFORM", "OS/ARCHITECTURE[/VARIANT] that it must be for",
                [&](const std::string& text) {
                  words.options.platform = image::parse_platform(text);
                  words.platform = text;
                });
}

void add_limits(Options& options, parts::CgroupLimits& limits) {
  options.group("Limits");
  options.value('m', "memory", "BYTES", "Memory: 64m, 1g",
                [&](const std::string& text) { limits.memory = parts::parse_memory(text); });
  options.value(0, "cpus", "NUMBER", "Processors' worth of time: 0.5",
                [&](const std::string& text) { limits.cpu.quota = parts::parse_cpus(text); });
  options.value(0, "cpuset-cpus", "LIST", "The processors it may run on: 0-2,4",
                [&](const std::string& text) { limits.cpu.cpus = parts::parse_cpuset(text); });
  options.value(0, "pids-limit", "NUMBER", "Processes and threads; -1 is no limit", [&](const std::string& text) {
    if (text != "-1" && text != "0") limits.pids = parts::parse_pids(text);
  });
}

// What stands behind the options: the image, and then words that are all the command's.
bool read_words(Words& words, std::vector<std::string> arguments) {
  Options options("run", "[OPTIONS] IMAGE [COMMAND] [ARG...]",
                  "Run a program in a new container from an image, wait for its end, and remove the container.");
  add_process_options(options, words);
  add_container_options(options, words);
  add_image_options(options, words);
  add_network_options(options, words.options);
  add_limits(options, words.options.limits);
  add_confinement(options, words.options.confinement);
  options.group("Options");
  options.optional_value("timeline", "FILE", "Show what was done and how long it took (FILE.json, FILE.svg)",
                         [&](const std::string& file) {
                           words.show_timeline = true;
                           words.timeline = file;
                         });
  if (!options.read(arguments, false)) return false;
  if (arguments.empty()) throw Error("read the command line", 0, "an image is missing; see coracle run --help");
  words.options.image = arguments.front();
  words.options.command.assign(arguments.begin() + 1, arguments.end());
  words.options.env = std::move(words.env_files);  // those of -e come later, and win
  words.options.env.insert(words.options.env.end(), words.env.begin(), words.env.end());
  return true;
}

// docker's way with limits that the host cannot keep: it says so, and goes on without.
void leave_out_limits(RunOptions& options) {
  if (!launch::rootless() || !parts::has_limits(options.limits) || parts::may_limit(options.limits)) return;
  std::fprintf(stderr,
               "coracle: warning: the container runs without limits: the cgroups here are not this user's; %s\n",
               parts::kDelegation);
  options.limits = {};
}

// With a keeper, the person's terminal is raw until it restores it: before anything is said.
int run_container(const Door& door, const Words& words, launch::Keeper* keeper) {
  engine::Engine engine(door.roots);
  const engine::Ended ended = engine::run(engine, words.options, words.show_timeline, keeper);
  if (keeper != nullptr) keeper->restore();
  report_left_behind(ended.left_behind);
  if (ended.usage.oom_killed)
    std::fputs("coracle: the container ran out of its memory (--memory), and the kernel killed a process\n", stderr);
  if (words.show_timeline) launch::show_timeline(words.timeline);
  return ended.status;
}

void bring_missing(const Door& door, const Words& words) {
  std::fprintf(stderr, "Unable to find image '%s' locally\n",
               image::parse_reference(words.options.image).text().c_str());
  bring(door, words.options.image, words.platform);
}

// Whether the image is here, the keeper finds out, and its terminal is raw by then: so it ends, and begins again.
int run_at_terminal(const Door& door, Words& words) {
  SharedSwitch missing;
  const auto work = [&](launch::Keeper& keeper) {
    try {
      return run_container(door, words, &keeper);
    } catch (const NotBrought&) {
      ::_exit(kFailure);  // the rest is for our parent, the relay
    }
  };
  if (words.pull == PullPolicy::missing) {
    words.options.bring_image = [&] {
      missing.turn_on();
      throw NotBrought();
    };
  }
  const int status = launch::attend(words.attendance, work);
  if (!missing.is_on()) return status;
  bring_missing(door, words);
  words.options.bring_image = {};
  return launch::attend(words.attendance, work);
}

int run_as_told(const Door& door, Words& words) {
  if (words.pull == PullPolicy::always) bring(door, words.options.image, words.platform);
  if (words.options.terminal) return run_at_terminal(door, words);
  if (words.pull == PullPolicy::missing) words.options.bring_image = [&] { bring_missing(door, words); };
  if (!words.attendance.interactive) read_nothing();
  return run_container(door, words, nullptr);
}

}  // namespace

int run(const Door& door, std::vector<std::string> arguments) {
  Words words;
  if (!read_words(words, std::move(arguments))) return 0;
  launch::check_timeline(words.timeline);
  leave_out_limits(words.options);
  try {
    return run_as_told(door, words);
  } catch (const NotBrought&) {
    return kFailure;
  }
}

}  // namespace coracle::cli
