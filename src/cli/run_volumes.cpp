// The options of `run` and `create` for volumes.
#include "cli/run_options.hpp"

namespace coracle::cli {

void add_volume_options(Options& options, engine::RunOptions& run) {
  options.group("Volumes");
  options.value('v', "volume", "SOURCE:DEST[:ro]", "A path of the host, or the name of a volume that outlives it",
                [&](const std::string& text) { run.volumes.push_back(parts::parse_volume(text)); });
  options.value(0, "tmpfs", "DEST[:size=64m,...]", "A directory in memory",
                [&](const std::string& text) { run.volumes.push_back(parts::parse_tmpfs(text)); });
}

}  // namespace coracle::cli
