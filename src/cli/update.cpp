// coracle update: changes the limits and the restart policy of containers, also while they run, as docker update does.
#include "cli/cli.hpp"
#include "cli/run_options.hpp"
#include "engine/lifecycle.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {

int update(const Door& door, std::vector<std::string> words) {
  Options options("update", "[OPTIONS] CONTAINER [CONTAINER...]",
                  "Change the limits and the restart policy of containers.");
  parts::CgroupLimits limits;
  std::optional<engine::RestartPolicy> restart;
  add_limits(options, limits);
  options.value(0, "restart", "POLICY", "no, on-failure[:NUMBER], always, unless-stopped",
                [&](const std::string& text) { restart = read_restart(text); });
  if (!options.read(words)) return 0;
  if (words.empty())
    throw kernel::Error("read the command line", 0, "a container is missing; see coracle update --help");
  if (!parts::has_limits(limits) && !restart)
    throw kernel::Error("update containers", 0, "say what is to be changed; see coracle update --help");
  engine::Engine engine(door.roots, true);
  return for_each_container(engine, words,
                            [&](const engine::Record& record) { engine::update(engine, record, limits, restart); });
}

}  // namespace coracle::cli
