// The options of `run` and `create` for volumes.
#include "cli/run_options.hpp"

namespace coracle::cli {

void add_volume_options(Options& options, engine::RunOptions& run) {
  options.group("Volumes");
  options.value('v', "volume", "[SOURCE:]DEST[:ro]",
                "A path of the host, or the name of a volume that outlives it; without either a volume of its own",
                [&](const std::string& text) { run.volumes.push_back(parts::parse_volume(text)); });
  options.value(0, "mount", "type=TYPE,source=SOURCE,target=DEST,...",
                "The same in other words: bind, volume or tmpfs; readonly, volume-nocopy, bind-propagation, idmap, ...",
                [&](const std::string& text) { run.volumes.push_back(parts::parse_mount(text)); });
  options.value(0, "volumes-from", "CONTAINER[:ro]", "All volumes that another container has",
                [&](const std::string& text) { run.volumes_from.push_back(text); });
  options.value(0, "tmpfs", "DEST[:size=64m,...]", "A directory in memory",
                [&](const std::string& text) { run.volumes.push_back(parts::parse_tmpfs(text)); });
}

}  // namespace coracle::cli
