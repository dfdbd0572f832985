// coracle-oci create and start: the two steps of a container's beginning (runtime-spec runtime.md, "Lifecycle").
#include "kernel/error.hpp"
#include "oci/bundle.hpp"

namespace coracle::oci {

using kernel::Error;

std::string only_id(const Words& words) {
  if (words.empty()) throw Error("read the command line", 0, "the id of a container is missing");
  if (words.size() > 1) throw Error("read the command line", 0, "\"" + words[1] + "\" is one word too many");
  check_id(words[0]);
  return words[0];
}

int create(const Door& door, Words words) {
  Options options("create", "[OPTIONS] ID", "Make a container of a bundle. Its program waits until \"start\".");
  CreateOptions wanted;
  add_create_options(options, wanted);
  if (!options.read(words)) return 0;
  const Container container{door.root, only_id(words)};
  std::string text;
  Config config = read_bundle(wanted, text);
  if (config.process.terminal && wanted.console_socket.empty())
    throw Error("give the container a terminal", 0,
                "process.terminal is true, so --console-socket must say who gets it");
  if (!config.process.terminal && !wanted.console_socket.empty())
    throw Error("use --console-socket", 0, "process.terminal of config.json is not true");
  const kernel::Fd console = config.process.terminal ? open_console_socket(wanted.console_socket) : kernel::Fd();
  make_container(container, config, text, wanted, console.get());
  return 0;
}

int start(const Door& door, Words words) {
  Options options("start", "ID", "Let the program of a created container go.");
  if (!options.read(words)) return 0;
  const Container container = find_container(door.root, only_id(words));
  const std::string status = status_of(container, first_process(container));
  if (status == "running" || status == "paused")
    throw Error("start the container " + container.id, 0, "it is " + status + ": it was started already");
  if (status != "created")
    throw Error("start the container " + container.id, 0, "cannot start a container that is " + status);
  start_container(container, read_noted_config(container));
  return 0;
}

}  // namespace coracle::oci
