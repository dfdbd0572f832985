// coracle rmi and coracle image prune: names and images taken away.
#include <cstdio>
#include <set>

#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/filters.hpp"
#include "cli/options.hpp"
#include "cli/prune.hpp"
#include "cli/table.hpp"
#include "engine/events.hpp"
#include "image/remove.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

// Of what was deleted, the images: layers are told as well to who removed them, and to nobody else.
void tell_removed(const engine::Engine& engine, const image::Removed& removed, const std::set<std::string>& images) {
  for (const std::string& name : removed.untagged)
    engine::tell(engine, "image", "untag", images.size() == 1 ? *images.begin() : name, {{"name", name}});
  for (const std::string& id : removed.deleted) {
    if (images.contains(id)) engine::tell(engine, "image", "delete", id, {{"name", id}});
  }
}

constexpr std::int64_t kSecond = 1'000'000'000;

bool fits(engine::Engine& engine, const Filters& filters, const image::Listed& image) {
  if (!filters.any("until", [&](const std::string& time) { return image.created * kSecond < parse_moment(time); }))
    return false;
  if (!filters.given("label") && !filters.given("label!")) return true;
  const image::Config config = image::parse_config(engine.store.document(image.id));
  return filters.labels(config.labels) && filters.labels(config.labels, "label!");
}

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
    const std::string id = engine.store.find_id(name);
    const image::Removed removed = image::remove(engine.store, name, force);
    tell_removed(engine, removed, {id});
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
  Filters filters({"dangling", "label", "label!", "until"});
  options.value(0, "filter", "KEY=VALUE", "Those alone that it fits: until=TIME, label=NAME[=VALUE], label!=...",
                [&](const std::string& text) { filters.add(text); });
  if (!options.read(words)) return 0;
  if (!words.empty()) throw Error("read the word " + words[0], 0, "see coracle image prune --help");
  all = all || (filters.given("dangling") && filters.flag("dangling", false));
  if (!force && !agrees(all ? "all images without at least one container associated to them" : "all dangling images")) {
    fmt::print("Total reclaimed space: 0B\n");
    return 0;
  }
  engine::Engine engine(door.roots);
  sweep(engine);
  fmt::print("Total reclaimed space: {}\n", human_size(prune_images(engine, all, filters)));
  return 0;
}

std::uint64_t prune_images(engine::Engine& engine, bool all, const Filters& filters) {
  std::set<std::string> chosen;
  for (const image::Listed& image : engine.store.list()) {
    if (fits(engine, filters, image)) chosen.insert(image.id);
  }
  const image::Removed removed =
      image::prune(engine.store, all, [&](const std::string& id) { return chosen.contains(id); });
  tell_removed(engine, removed, chosen);
  engine::tell(engine, "image", "prune", "", {{"reclaimed", std::to_string(removed.bytes)}});
  if (!removed.deleted.empty()) fmt::print("Deleted Images:\n");
  for (const std::string& untagged : removed.untagged) fmt::print("untagged: {}\n", untagged);
  for (const std::string& deleted : removed.deleted) fmt::print("deleted: {}\n", deleted);
  if (!removed.deleted.empty()) fmt::print("\n");
  return removed.bytes;
}

}  // namespace coracle::cli
