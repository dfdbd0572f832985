// coracle run: options, semantics and exit status as docker run has them.
#include "engine/run.hpp"

#include <cstdio>

#include <unistd.h>

#include "cli/cli.hpp"
#include "cli/run_options.hpp"
#include "cli/start.hpp"
#include "engine/create.hpp"
#include "engine/supervise.hpp"
#include "kernel/error.hpp"
#include "launch/rootless.hpp"
#include "launch/timeline.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

struct Words {
  ContainerWords container;
  bool detach = false;
  bool show_timeline = false;
  std::string timeline;  // a file, or "" for the table

  engine::RunOptions& options() { return container.options; }
  const engine::RunOptions& options() const { return container.options; }
};

bool read_words(Words& words, std::vector<std::string> arguments) {
  Options options("run", "[OPTIONS] IMAGE [COMMAND] [ARG...]",
                  "Run a program in a new container from an image, and wait for its end.");
  options.flag('d', "detach", "Do not wait: print its id, and let it run", words.detach);
  add_container_options(options, words.container);
  options.group("Options");
  options.optional_value("timeline", "FILE", "Show what was done and how long it took (FILE.json, FILE.svg)",
                         [&](const std::string& file) {
                           words.show_timeline = true;
                           words.timeline = file;
                         });
  if (!options.read(arguments, false)) return false;
  take_image(words.container, std::move(arguments), "run");
  if (words.detach && words.show_timeline)
    throw Error("read the options -d and --timeline", 0, "the time line is drawn when the program has ended");
  return true;
}

// With a keeper, the person's terminal is raw until it restores it: before anything is said.
int run_container(const Door& door, const Words& words, launch::Keeper* keeper) {
  engine::Engine engine(door.roots);
  const engine::Ended ended = engine::run(engine, words.options(), words.show_timeline, keeper,
                                          [&](const std::string& id) { write_cidfile(words.container.cidfile, id); });
  if (keeper != nullptr) keeper->restore();
  report_left_behind(ended.left_behind);
  if (ended.usage.oom_killed)
    std::fputs("coracle: the container ran out of its memory (--memory), and the kernel killed a process\n", stderr);
  if (words.show_timeline) launch::show_timeline(words.timeline);
  return ended.status;
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
  if (words.container.pull == PullPolicy::missing) {
    words.options().bring_image = [&] {
      missing.turn_on();
      throw NotBrought();
    };
  }
  const int status = launch::attend({words.options().interactive, words.container.detach_keys}, work);
  if (!missing.is_on()) return status;
  bring_missing(door, words.options().image, words.container.platform);
  words.options().bring_image = {};
  return launch::attend({words.options().interactive, words.container.detach_keys}, work);
}

// The image is brought by a program of its own, so nobody has to be root inside for it, and the supervisor becomes that
// by itself.
int run_detached(const Door& door, Words& words) {
  engine::Engine engine(door.roots, true);
  if (!launch::rootless() && !words.options().name.empty()) sweep(engine);
  const engine::Record record = engine::create(engine, words.options());
  write_cidfile(words.container.cidfile, record.id);
  engine::start_detached(door.roots, record.id);
  std::puts(record.id.c_str());
  return 0;
}

int run_supervised(const Door& door, Words& words) {
  engine::Engine engine(door.roots, true);
  if (!launch::rootless() && !words.options().name.empty()) sweep(engine);
  const engine::Record record = engine::create(engine, words.options());
  write_cidfile(words.container.cidfile, record.id);
  return start_attached(engine, record,
                        {.input = words.options().interactive, .detach_keys = words.container.detach_keys});
}

// Without -d the container belongs to this command: it ends when the command is killed. One that is to be started again
// has a supervisor in any case.
int run_as_told(const Door& door, Words& words) {
  if (words.container.pull == PullPolicy::always) bring(door, words.options().image, words.container.platform);
  const bool supervised = words.detach || words.options().restart.name != "no";
  if (words.options().terminal && !supervised) return run_at_terminal(door, words);
  if (words.container.pull == PullPolicy::missing)
    words.options().bring_image = [&] { bring_missing(door, words.options().image, words.container.platform); };
  if (words.detach) return run_detached(door, words);
  if (supervised) return run_supervised(door, words);
  if (!words.options().interactive) read_nothing();
  return run_container(door, words, nullptr);
}

}  // namespace

int run(const Door& door, std::vector<std::string> arguments) {
  Words words;
  if (!read_words(words, std::move(arguments))) return 0;
  launch::check_timeline(words.timeline);
  check_cidfile(words.container.cidfile);
  leave_out_limits(words.options());
  try {
    return run_as_told(door, words);
  } catch (const NotBrought&) {
    return kFailure;
  }
}

}  // namespace coracle::cli
