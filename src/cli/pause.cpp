// coracle pause and unpause: all processes of a container stand still, and go on; cgroups(7), the freezer.
#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "engine/lifecycle.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using Act = void (*)(engine::Engine&, const engine::Record&);

int act(const Door& door, std::vector<std::string> words, const char* command, const char* what, Act act_on) {
  Options options(command, "CONTAINER [CONTAINER...]", what);
  if (!options.read(words)) return 0;
  if (words.empty()) {
    throw kernel::Error("read the command line", 0,
                        std::string("a container is missing; see coracle ") + command + " --help");
  }
  engine::Engine engine(door.roots, true);
  return for_each_container(engine, words, [&](const engine::Record& record) { act_on(engine, record); });
}

}  // namespace

int pause(const Door& door, std::vector<std::string> words) {
  return act(door, std::move(words), "pause", "Let all processes of containers stand still.", engine::pause);
}

int unpause(const Door& door, std::vector<std::string> words) {
  return act(door, std::move(words), "unpause", "Let the processes of paused containers go on.", engine::unpause);
}

}  // namespace coracle::cli
