// coracle container prune, coracle system prune: what nobody uses any more is taken away.
#include <algorithm>

#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/container_view.hpp"
#include "cli/filters.hpp"
#include "cli/options.hpp"
#include "cli/prune.hpp"
#include "cli/table.hpp"
#include "engine/lifecycle.hpp"
#include "kernel/error.hpp"
#include "kernel/tree_size.hpp"

namespace coracle::cli {

using kernel::Error;

std::uint64_t prune_containers(engine::Engine& engine, const Filters& filters) {
  ContainerViewer viewer(engine);
  std::uint64_t bytes = 0;
  std::string removed;
  for (const ContainerView& container : viewer.all()) {
    const engine::Record& record = container.record;
    const bool old = filters.any("until", [&](const std::string& time) { return record.created < parse_moment(time); });
    if (container.runs() || container.state == "removing" || !old) continue;
    const auto labels = viewer.labels(container);
    if (!filters.labels(labels) || !filters.labels(labels, "label!")) continue;
    try {
      const std::uint64_t size = kernel::tree_size(engine.container_dir(record.id) + "/upper");
      engine::remove(engine, record, false);
      bytes += size;
      removed += record.id + "\n";
    } catch (const Error&) {
      // Somebody has started it meanwhile.
    }
  }
  if (!removed.empty()) fmt::print("Deleted Containers:\n{}\n", removed);
  return bytes;
}

int container_prune(const Door& door, std::vector<std::string> words) {
  Options options("container prune", "[OPTIONS]", "Remove all containers that do not run.");
  Filters filters({"label", "label!", "until"});
  bool force = false;
  options.flag('f', "force", "Do not ask", force);
  options.value(0, "filter", "KEY=VALUE", "Those alone that it fits: until=TIME, label=NAME[=VALUE], label!=...",
                [&](const std::string& text) { filters.add(text); });
  if (!options.read(words)) return 0;
  if (!words.empty()) throw Error("read the word " + words[0], 0, "see coracle container prune --help").with_status(1);
  std::uint64_t bytes = 0;
  if (force || agrees("all stopped containers")) {
    engine::Engine engine(door.roots);
    sweep(engine);
    bytes = prune_containers(engine, filters);
  }
  fmt::print("Total reclaimed space: {}\n", human_size(bytes));
  return 0;
}

}  // namespace coracle::cli
