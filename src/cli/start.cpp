// coracle start: runs containers that were made before, as docker start does.
#include "cli/start.hpp"

#include <cstdio>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "engine/exec.hpp"
#include "engine/lifecycle.hpp"
#include "engine/options_json.hpp"
#include "engine/supervise.hpp"
#include "kernel/error.hpp"
#include "kernel/unix_socket.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

int attend(engine::Engine& engine, const engine::Record& record, AttachOptions options, const kernel::Fd& connection) {
  options.terminal = engine::parse_options(record.options).terminal;
  if (options.terminal && options.input && !kernel::is_terminal(STDIN_FILENO))
    throw Error("the input device is not a TTY", 0).with_status(1);
  const auto pass_signal = [&](int signal) {
    try {
      engine::send_signal(engine, record, signal);
    } catch (const Error&) {
      // It has just ended.
    }
  };
  const int status = attend_container(connection, options, pass_signal);
  return status >= 0 ? status : engine::wait(engine, record);
}

}  // namespace

int attach_to(engine::Engine& engine, const engine::Record& record, AttachOptions options) {
  return attend(engine, record, std::move(options), connect_to(engine.container_dir(record.id)));
}

int start_attached(engine::Engine& engine, const engine::Record& record, AttachOptions options) {
  auto [ours, theirs] = kernel::socketpair();
  if (!engine::start_detached(engine.roots, record.id, std::move(theirs))) return attach_to(engine, record, options);
  return attend(engine, record, std::move(options), ours);
}

int start(const Door& door, std::vector<std::string> words) {
  Options options("start", "[OPTIONS] CONTAINER [CONTAINER...]", "Run containers that were made, or have ended.");
  bool attach = false;
  bool interactive = false;
  std::string keys;
  options.flag('a', "attach", "Show what it writes, pass signals on, and wait for its end", attach);
  options.flag('i', "interactive", "The same, and pass our stdin on", interactive);
  options.value(0, "detach-keys", "KEYS", "The keys that leave the container behind (ctrl-p,ctrl-q)", keys);
  if (!options.read(words)) return 0;
  if (words.empty()) throw Error("read the command line", 0, "a container is missing; see coracle start --help");
  engine::Engine engine(door.roots, true);
  if (attach || interactive) {
    if (words.size() > 1) throw Error("attend several containers", 0, "name one, or leave out -a and -i");
    return start_attached(engine, engine::find_container(engine.records, words[0]),
                          {.input = interactive, .detach_keys = keys});
  }
  return for_each_container(engine, words,
                            [&](const engine::Record& record) { engine::start_detached(door.roots, record.id); });
}

}  // namespace coracle::cli
