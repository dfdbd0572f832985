// coracle volume rm and coracle volume prune: volumes taken away, with what is in them.
#include <cstdio>

#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/filters.hpp"
#include "cli/options.hpp"
#include "cli/table.hpp"
#include "engine/volume_use.hpp"
#include "kernel/error.hpp"
#include "kernel/tree_size.hpp"

namespace coracle::cli {

using engine::VolumeRecord;
using kernel::Error;

int volume_rm(const Door& door, std::vector<std::string> words) {
  Options options("volume rm", "[OPTIONS] VOLUME [VOLUME...]",
                  "Remove volumes that no container uses, running or not, with what is in them.");
  bool force = false;
  options.flag('f', "force", "A volume that is not there is no error", force);
  if (!options.read(words)) return 0;
  if (words.empty()) throw Error("read the command line", 0, "a volume is missing; see coracle volume rm --help");
  engine::Engine engine(door.roots);
  sweep(engine);
  return for_each(words, [&](const std::string& name) {
    try {
      engine::remove_volume(engine, name);
    } catch (const Error& error) {
      if (!force || error.code() != ENOENT) throw;
    }
    fmt::print("{}\n", name);
    std::fflush(stdout);
  });
}

int volume_prune(const Door& door, std::vector<std::string> words) {
  Options options("volume prune", "[OPTIONS]",
                  "Remove the volumes without a name of their own that no container uses.");
  bool all = false;
  bool force = false;
  Filters filters({"all", "label", "label!"});
  options.flag('a', "all", "Those with a name as well", all);
  options.flag('f', "force", "Do not ask", force);
  options.value(0, "filter", "FILTER", "label=NAME[=VALUE], label!=..., all=true",
                [&](const std::string& text) { filters.add(text); });
  if (!options.read(words)) return 0;
  if (!words.empty()) throw Error("read the word " + words[0], 0, "see coracle volume prune --help");
  all = all || (filters.given("all") && filters.flag("all", true));
  if (!force &&
      !agrees(fmt::format("{} volumes not used by at least one container", all ? "all local" : "anonymous local")))
    return 0;
  engine::Engine engine(door.roots);
  sweep(engine);
  std::string removed;
  std::uint64_t bytes = 0;
  for (const VolumeRecord& volume : engine.volumes.all()) {
    if (!(all || volume.anonymous()) || !filters.labels(volume.labels) || !filters.labels(volume.labels, "label!"))
      continue;
    const std::uint64_t size = kernel::tree_size(engine.volumes.mountpoint_of(volume.name));
    try {
      engine::remove_volume(engine, volume.name);
      removed += volume.name + "\n";
      bytes += size;
    } catch (const Error& error) {
      if (error.code() != EBUSY && error.code() != ENOENT) throw;
    }
  }
  if (!removed.empty()) fmt::print("Deleted Volumes:\n{}\n", removed);
  fmt::print("Total reclaimed space: {}\n", human_size(bytes));
  return 0;
}

}  // namespace coracle::cli
