// coracle run: options, semantics and exit status as docker run has them.
#include "engine/run.hpp"

#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

#include "cli/cli.hpp"
#include "cli/env.hpp"
#include "kernel/error.hpp"
#include "launch/timeline.hpp"

namespace coracle::cli {
namespace {

using engine::RunOptions;
using kernel::Error;

struct Words {
  RunOptions options;
  std::vector<std::string> env_files;
  std::vector<std::string> env;
  bool remove = false;
  bool interactive = false;
  bool show_timeline = false;
  std::string timeline;  // a file, or "" for the table
};

// An option that may be given again and again, and takes one word each time, whatever the word looks like.
template <typename Take>
void add_each(CLI::App& app, const char* names, const char* what, Take take) {
  const auto take_all = [take](const CLI::results_t& values) {
    for (const std::string& value : values) take(value);
    return true;
  };
  app.add_option(names, take_all, what)->expected(1)->take_all()->allow_extra_args(false);
}

// An option whose value `read` reads. What it throws is told together with the option's name.
template <typename Read>
void add_read(CLI::App& app, const char* names, const char* what, Read read) {
  app.add_option(
         names,
         [read](const CLI::results_t& values) {
           read(values.at(0));
           return true;
         },
         what)
      ->take_last();
}

void refuse_terminal(std::int64_t) {
  throw Error("read the option -t", 0, "there is no terminal for containers yet; -i alone passes stdin on");
}

engine::Network read_network(const std::string& name) {
  if (name == "bridge" || name == "default") return engine::Network::bridge;
  if (name == "none") return engine::Network::none;
  if (name == "host") return engine::Network::host;
  throw Error("read --net \"" + name + "\"", 0, "the networks are bridge, none and host");
}

void add_process_options(CLI::App& app, Words& words) {
  RunOptions& options = words.options;
  app.add_option("-w,--workdir", options.working_dir, "The directory that the program starts in")->take_last();
  app.add_option("-u,--user", options.user, "NAME, UID, NAME:GROUP or UID:GID")->take_last();
  add_read(app, "--entrypoint", "In place of the image's entry point",
           [&](const std::string& text) { options.entrypoint = text; });
  add_each(app, "-e,--env", "NAME=value, or NAME to take it from here",
           [&](const std::string& text) { words.env.push_back(read_variable(text)); });
  add_each(app, "--env-file", "A file with such a variable on each line", [&](const std::string& path) {
    for (std::string& variable : read_env_file(path)) words.env_files.push_back(std::move(variable));
  });
  app.add_flag("-i,--interactive", words.interactive, "Pass our stdin on; without it the program reads /dev/null");
  app.add_flag("--init", options.init, "A small init as pid 1, which passes signals on and reaps orphans");
  app.add_flag_function("-t,--tty", refuse_terminal, "A terminal of its own: not there yet");
}

void add_container_options(CLI::App& app, Words& words) {
  RunOptions& options = words.options;
  app.add_option("--name", options.name, "A name for the container")->take_last();
  app.add_option("-h,--hostname", options.hostname, "Its host name; else the container's id")->take_last();
  app.add_flag("--rm", words.remove, "Remove the container when it ends: for now that is done in any case");
  app.add_flag("--read-only", options.read_only, "Its root cannot be written to; volumes can");
  add_each(app, "-v,--volume", "HOST:DEST[:ro], or NAME:DEST[:ro] for a volume that outlives it",
           [&](const std::string& text) { options.volumes.push_back(parts::parse_volume(text)); });
  add_each(app, "--tmpfs", "DEST[:size=64m,...]: a directory in memory",
           [&](const std::string& text) { options.volumes.push_back(parts::parse_tmpfs(text)); });
}

void add_network_options(CLI::App& app, Words& words) {
  RunOptions& options = words.options;
  add_read(app, "--net,--network", "bridge (unless told otherwise), none or host",
           [&](const std::string& name) { options.network = read_network(name); });
  add_each(app, "-p,--publish", "[ADDRESS:]HOST_PORT:PORT[/udp]: a port of the host that leads into it",
           [&](const std::string& text) { options.ports.push_back(parts::parse_port(text)); });
}

void add_limits(CLI::App& app, parts::CgroupLimits& limits) {
  add_read(app, "-m,--memory", "Bytes, or with k, m, g: 64m",
           [&](const std::string& text) { limits.memory = parts::parse_memory(text); });
  add_read(app, "--cpus", "Processors' worth of time: 0.5",
           [&](const std::string& text) { limits.cpus = parts::parse_cpus(text); });
  app.add_option("--cpuset-cpus", limits.cpuset, "The processors it may run on: 0-2,4")->take_last();
  add_read(app, "--pids-limit", "Processes and threads",
           [&](const std::string& text) { limits.pids = parts::parse_pids(text); });
}

void group_new_options(CLI::App& app, const char* group) {
  for (CLI::Option* option : app.get_options()) {
    if (option->get_group() == "Options" && option != app.get_help_ptr()) option->group(group);
  }
}

// What stands behind the options: the image, and then words that are all the command's.
bool read_words(Words& words, std::vector<std::string> arguments) {
  const auto app = command_line("run", "[OPTIONS] IMAGE [COMMAND] [ARG...]",
                                "Run a program in a new container from an image, and wait for its end");
  app->prefix_command();
  add_process_options(*app, words);
  group_new_options(*app, "The program");
  add_container_options(*app, words);
  group_new_options(*app, "The container");
  add_network_options(*app, words);
  group_new_options(*app, "Network");
  add_limits(*app, words.options.limits);
  group_new_options(*app, "Limits");
  CLI::Option* timeline =
      app->add_flag("--timeline{}", words.timeline, "Show what was done and how long it took (=FILE.json, =FILE.svg)");
  if (!parse(*app, std::move(arguments))) return false;
  words.show_timeline = timeline->count() > 0;
  std::vector<std::string> rest = app->remaining();
  if (!rest.empty() && rest.front() == "--") rest.erase(rest.begin());
  if (rest.empty()) throw Error("read the command line", 0, "an image is missing; see coracle run --help");
  if (rest.front()[0] == '-') throw Error("unknown option " + rest.front(), 0, "see coracle run --help");
  words.options.image = rest.front();
  words.options.command.assign(rest.begin() + 1, rest.end());
  words.options.env = std::move(words.env_files);  // those of -e come later, and win
  words.options.env.insert(words.options.env.end(), words.env.begin(), words.env.end());
  return true;
}

void read_nothing() {
  const kernel::Fd nothing = kernel::open("/dev/null", O_RDONLY);
  dup2(nothing.get(), STDIN_FILENO);
}

}  // namespace

int run(const Door& door, std::vector<std::string> arguments) {
  Words words;
  if (!read_words(words, std::move(arguments))) return 0;
  launch::check_timeline(words.timeline);
  if (!words.interactive) read_nothing();
  engine::Engine engine(door.roots);
  sweep(engine);
  const engine::Ended ended = engine::run(engine, words.options, words.show_timeline);
  report_left_behind(ended.left_behind);
  if (ended.usage.oom_killed)
    std::fputs("coracle: the container ran out of its memory (--memory), and the kernel killed a process\n", stderr);
  if (words.show_timeline) launch::show_timeline(words.timeline);
  return ended.status;
}

}  // namespace coracle::cli
