// coracle rmi and coracle image prune: names and images taken away.
#include <cstdio>

#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "cli/table.hpp"
#include "image/remove.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

}  // namespace

int rmi(const Door& door, std::vector<std::string> words) {
  Options options(
      "rmi", "[OPTIONS] IMAGE [IMAGE...]",
      "Remove names of images. With its last name, or when it is called by its id, an image is deleted, and\n"
      "with it the layers that no other one has.");
  bool force = false;
  bool no_prune = false;
  options.flag('f', "force", "Also when the image has several names, or a container uses it (which keeps it)", force);
  options.flag(0, "no-prune", "Accepted as docker has it: there are no untagged parents here", no_prune);
  if (!options.read(words)) return 0;
  if (words.empty()) throw Error("read the command line", 0, "an image is missing; see coracle rmi --help");
  engine::Engine engine(door.roots);
  sweep(engine);
  return for_each(words, [&](const std::string& name) {
    if (force && !engine.store.has(name)) {  // what is not here is removed
      std::fprintf(stderr, "coracle: there is no image %s here\n", kernel::printable(name).c_str());
      return;
    }
    const image::Removed removed = image::remove(engine.store, name, force);
    for (const std::string& untagged : removed.untagged) fmt::print("Untagged: {}\n", untagged);
    for (const std::string& deleted : removed.deleted) fmt::print("Deleted: {}\n", deleted);
    std::fflush(stdout);
  });
}

int image_prune(const Door& door, std::vector<std::string> words) {
  Options options("image prune", "[OPTIONS]", "Remove the images that have no name and that no container uses.");
  bool all = false;
  bool force = false;
  options.flag('a', "all", "Those with a name as well", all);
  options.flag('f', "force", "Do not ask", force);
  if (!options.read(words)) return 0;
  if (!words.empty()) throw Error("read the word " + words[0], 0, "see coracle image prune --help");
  if (!force && !agrees(all ? "all images without at least one container associated to them" : "all dangling images")) {
    fmt::print("Total reclaimed space: 0B\n");
    return 0;
  }
  engine::Engine engine(door.roots);
  sweep(engine);
  const image::Removed removed = image::prune(engine.store, all);
  if (!removed.deleted.empty()) fmt::print("Deleted Images:\n");
  for (const std::string& untagged : removed.untagged) fmt::print("untagged: {}\n", untagged);
  for (const std::string& deleted : removed.deleted) fmt::print("deleted: {}\n", deleted);
  fmt::print("{}Total reclaimed space: {}\n", removed.deleted.empty() ? "" : "\n", human_size(removed.bytes));
  return 0;
}

}  // namespace coracle::cli
