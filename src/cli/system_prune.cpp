// coracle system prune: containers that have ended, networks and images that nobody uses, and volumes where that is
// asked for.
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "cli/prune.hpp"
#include "cli/table.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

bool agreed(bool all) {
  fmt::print(
      "WARNING! This will remove:\n"
      "  - all stopped containers\n"
      "  - all networks not used by at least one container\n"
      "  - all {}\n"
      "\nAre you sure you want to continue? [y/N] ",
      all ? "images without at least one container associated to them" : "dangling images");
  std::fflush(stdout);
  char answer[8] = "";  // a line that is longer is no yes
  if (std::fgets(answer, sizeof answer, stdin) == nullptr) return false;
  return std::strcmp(answer, "y\n") == 0 || std::strcmp(answer, "Y\n") == 0;
}

}  // namespace

int system_prune(const Door& door, std::vector<std::string> words) {
  Options options("system prune", "[OPTIONS]",
                  "Remove containers that have ended, and networks and images that nobody uses.");
  bool all = false, force = false;
  Filters filters({"label", "label!", "until"});
  options.flag('a', "all", "Images with a name as well", all);
  options.flag('f', "force", "Do not ask", force);
  options.value(0, "filter", "KEY=VALUE", "Those alone that it fits: until=TIME, label=NAME[=VALUE], label!=...",
                [&](const std::string& text) { filters.add(text); });
  if (!options.read(words)) return 0;
  if (!words.empty()) {
    throw kernel::Error("read the word " + words[0], 0, "see coracle system prune --help").with_status(1);
  }
  std::uint64_t bytes = 0;
  if (force || agreed(all)) {
    engine::Engine engine(door.roots);
    sweep(engine);
    bytes += prune_containers(engine, filters);
    prune_networks(engine);
    bytes += prune_images(engine, all, filters);
  }
  fmt::print("Total reclaimed space: {}\n", human_size(bytes));
  return 0;
}

}  // namespace coracle::cli
