// coracle diff: what a container changed, a line for each path, as docker diff prints it.
#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "engine/files.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {

int diff(const Door& door, std::vector<std::string> words) {
  Options options("diff", "CONTAINER", "List what a container changed: A added, C changed, D deleted.");
  if (!options.read(words)) return 0;
  if (words.size() != 1)
    throw kernel::Error("read the command line", 0, "one container is needed; see coracle diff --help");
  engine::Engine engine(door.roots);
  sweep(engine);
  const engine::ContainerFiles files = engine::find_files(engine, words[0]);
  const std::vector<parts::Change> changes = engine::changes(files.upper, files.lower);
  engine::check_whole(files);
  for (const parts::Change& change : changes) fmt::print("{} {}\n", change.kind, kernel::printable(change.path));
  return 0;
}

}  // namespace coracle::cli
