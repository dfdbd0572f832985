// coracle-oci run: create, start, wait, delete, in one.
#include <unistd.h>

#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "kernel/tty.hpp"
#include "launch/attend.hpp"
#include "launch/signals.hpp"
#include "oci/bundle.hpp"

namespace coracle::oci {
namespace {

using kernel::Error;

struct Run {
  CreateOptions create;
  bool detach = false;
  bool keep = false;
  launch::Watch watch = {};  // what else to look after until its end
};

// The program's exit status.
int attend_to(const Container& container, const Config& config, const kernel::Fd& process, const Run& wanted) {
  launch::Signals signals;
  int status = 1;
  try {
    start_container(container, config);
    status = launch::supervise(process, signals, true, wanted.watch).status();
  } catch (const Error&) {
    unmake(container);
    throw;
  }
  if (!wanted.keep) unmake(container, &config.hooks);
  return status;
}

int go(const Container& container, const Run& wanted, Config& config, const std::string& text, int console_socket) {
  make_container(container, config, text, wanted.create, console_socket);
  const FirstProcess process = first_process(container);
  if (!process.pidfd) {
    unmake(container);
    throw Error("start the container " + container.id, ESRCH, "its process was killed");
  }
  if (!wanted.detach) return attend_to(container, config, process.pidfd, wanted);
  start_container(container, config);
  return 0;
}

// Our own terminal becomes the container's.
int go_at_terminal(const Container& container, Run& wanted, Config& config, const std::string& text) {
  const bool interactive = kernel::is_terminal(STDIN_FILENO);
  return launch::attend({.interactive = interactive}, [&](launch::Keeper& keeper) {
    wanted.watch = keeper.watch();
    config.process.size = keeper.options().size;
    return go(container, wanted, config, text, keeper.options().console_socket);
  });
}

int read_and_go(const Container& container, Run& wanted) {
  std::string text;
  Config config = read_bundle(wanted.create, text);
  const std::string& path = wanted.create.console_socket;
  if (!config.process.terminal && !path.empty())
    throw Error("use --console-socket", 0, "process.terminal of config.json is not true");
  if (config.process.terminal && path.empty() && wanted.detach)
    throw Error("give the container a terminal", 0, "with --detach, --console-socket must say who gets it");
  if (config.process.terminal && path.empty()) return go_at_terminal(container, wanted, config, text);
  const kernel::Fd console = path.empty() ? kernel::Fd() : open_console_socket(path);
  return go(container, wanted, config, text, console.get());
}

}  // namespace

int run(const Door& door, Words words) {
  Options options("run", "[OPTIONS] ID", "Make a container of a bundle, start it, wait for its end and delete it.");
  Run wanted;
  add_create_options(options, wanted.create);
  options.flag('d', "detach", "Do not wait for its end", wanted.detach);
  options.flag(0, "keep", "Do not delete it when it has ended", wanted.keep);
  bool no_subreaper = false;
  options.flag(0, "no-subreaper", "Nothing: nobody but us is waited for", no_subreaper);
  if (!options.read(words)) return 0;
  return read_and_go({door.root, only_id(words)}, wanted);
}

}  // namespace coracle::oci
