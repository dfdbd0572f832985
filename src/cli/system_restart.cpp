// coracle system restart: after the machine has come up again, starts the containers that are to run always.
#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "engine/options_json.hpp"
#include "engine/supervise.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {

// Those of the policy always also when a person had stopped them, as docker does when its daemon begins.
int system_restart(const Door& door, std::vector<std::string> words) {
  Options options("system restart", "", "Start the containers that their restart policies want to run.");
  if (!options.read(words)) return 0;
  if (!words.empty()) throw kernel::Error("read the word " + words[0], 0, "see coracle system restart --help");
  engine::Engine engine(door.roots, true);
  std::vector<std::string> names;
  for (const engine::Record& record : engine.records.all()) {
    const std::string policy = engine::parse_options(record.options).restart.name;
    const bool wanted =
        policy == "always" || ((policy == "unless-stopped" || policy == "on-failure") && !record.life.stopped);
    if (wanted && record.life.started != 0 && !engine.runs(record)) names.push_back(record.name);
  }
  return for_each_container(engine, names,
                            [&](const engine::Record& record) { engine::start_detached(door.roots, record.id); });
}

}  // namespace coracle::cli
