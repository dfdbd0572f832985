// coracle rename: gives a container another name, as docker rename does.
#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "engine/exec.hpp"
#include "engine/lifecycle.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {

int rename(const Door& door, std::vector<std::string> words) {
  Options options("rename", "CONTAINER NAME", "Give a container another name.");
  if (!options.read(words)) return 0;
  if (words.size() != 2) {
    throw kernel::Error("read the command line", 0,
                        "a container and its new name are needed; see coracle rename --help");
  }
  engine::Engine engine(door.roots, true);
  engine::rename(engine, engine::find_container(engine.records, words[0]), words[1]);
  return 0;
}

}  // namespace coracle::cli
