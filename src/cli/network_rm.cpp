// coracle network rm and coracle network prune: networks taken away.
#include <cstdio>

#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "cli/prune.hpp"
#include "engine/network_use.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {

using engine::NetworkRecord;
using kernel::Error;

int network_rm(const Door& door, std::vector<std::string> words) {
  Options options("network rm", "NETWORK [NETWORK...]", "Remove networks that no running container is on.");
  bool force = false;
  options.flag('f', "force", "A network that is not there is no error", force);
  if (!options.read(words)) return 0;
  if (words.empty()) throw Error("read the command line", 0, "a network is missing; see coracle network rm --help");
  engine::Engine engine(door.roots);
  sweep(engine);
  return for_each(words, [&](const std::string& name) {
    try {
      engine::remove_network(engine, engine.networks.find(name));
    } catch (const Error& error) {
      if (!force || error.code() != ENOENT) throw;
    }
    fmt::print("{}\n", name);
    std::fflush(stdout);
  });
}

int network_prune(const Door& door, std::vector<std::string> words) {
  Options options("network prune", "[OPTIONS]", "Remove all networks that no running container is on.");
  bool force = false;
  options.flag('f', "force", "Do not ask", force);
  if (!options.read(words)) return 0;
  if (!words.empty()) throw Error("read the word " + words[0], 0, "see coracle network prune --help");
  if (!force && !agrees("all custom networks not used by at least one container")) return 0;
  engine::Engine engine(door.roots);
  sweep(engine);
  prune_networks(engine);
  return 0;
}

void prune_networks(engine::Engine& engine) {
  std::string removed;
  for (const NetworkRecord& network : engine.networks.all()) {
    if (engine::is_fixed(network)) continue;
    try {
      engine::remove_network(engine, network);
      removed += network.name + "\n";
    } catch (const Error& error) {
      if (error.code() != EBUSY) throw;
    }
  }
  if (!removed.empty()) fmt::print("Deleted Networks:\n{}\n", removed);
}

}  // namespace coracle::cli
