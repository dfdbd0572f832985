// coracle attach: a person comes back to a container that runs detached, as docker attach has it.
#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "cli/start.hpp"
#include "engine/exec.hpp"
#include "engine/lifecycle.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {

int attach(const Door& door, std::vector<std::string> words) {
  Options options("attach", "[OPTIONS] CONTAINER", "Show what a running container writes, and pass on what is typed.");
  AttachOptions chosen;
  bool no_stdin = false;
  std::string proxy = "true";
  options.flag(0, "no-stdin", "Do not pass our stdin on", no_stdin);
  options.optional_value("sig-proxy", "true|false", "Whether signals that we get go to its program (true)",
                         [&](const std::string& text) { proxy = text.empty() ? "true" : text; });
  options.value(0, "detach-keys", "KEYS", "The keys that leave the container behind (ctrl-p,ctrl-q)",
                chosen.detach_keys);
  if (!options.read(words)) return 0;
  if (words.size() != 1)
    throw kernel::Error("read the command line", 0, "one container is needed; see coracle attach --help");
  if (proxy != "true" && proxy != "false") throw kernel::Error("read --sig-proxy=" + proxy, 0, "it is true or false");
  chosen.pass_signals = proxy == "true";
  chosen.input = !no_stdin;
  engine::Engine engine(door.roots, true);
  const engine::Record record = engine::find_container(engine.records, words[0]);
  if (engine::is_paused(engine, record))
    throw kernel::Error("attach to " + words[0], 0, "it is paused; unpause it before");
  return attach_to(engine, record, chosen);
}

}  // namespace coracle::cli
