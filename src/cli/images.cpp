// coracle images: the table that docker prints.
#include <algorithm>
#include <ctime>
#include <map>

#include <fnmatch.h>

#include "cli/cli.hpp"
#include "cli/filters.hpp"
#include "cli/format.hpp"
#include "cli/options.hpp"
#include "cli/table.hpp"
#include "image/digest.hpp"
#include "image/usage.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using image::Listed;
using kernel::Error;

constexpr std::int64_t kSecond = 1'000'000'000;

std::string or_none(const std::string& text) { return text.empty() ? "<none>" : text; }

// As docker's reference.FamiliarMatch: a pattern for the whole name, or for the repository alone.
bool matches(const std::string& pattern, const Listed& image) {
  const auto fits = [&](const std::string& name) { return fnmatch(pattern.c_str(), name.c_str(), FNM_PATHNAME) == 0; };
  if (image.repository.empty()) return false;
  return fits(image.repository) || (!image.tag.empty() && fits(image.repository + ":" + image.tag));
}

// When the image that before=IMAGE or since=IMAGE names was made.
std::int64_t made(engine::Engine& engine, const std::vector<Listed>& images, const std::string& name) {
  const std::string id = engine.store.find_id(name);
  const auto found = std::find_if(images.begin(), images.end(), [&](const Listed& image) { return image.id == id; });
  return found == images.end() ? 0 : found->created;
}

void choose(engine::Engine& engine, const Filters& filters, std::vector<Listed>& images) {
  const std::vector<Listed> all = images;
  const bool labels = filters.given("label") || filters.given("label!");
  std::erase_if(images, [&](const Listed& image) {
    if (!filters.any("reference", [&](const std::string& pattern) { return matches(pattern, image); })) return true;
    if (!filters.flag("dangling", image.tag.empty())) return true;
    if (!filters.any("before", [&](const std::string& name) { return image.created < made(engine, all, name); }) ||
        !filters.any("since", [&](const std::string& name) { return image.created > made(engine, all, name); }) ||
        !filters.any("until", [&](const std::string& time) { return image.created * kSecond < parse_moment(time); })) {
      return true;
    }
    if (!labels) return false;
    const image::Config config = image::parse_config(engine.store.document(image.id));
    return !filters.labels(config.labels) || !filters.labels(config.labels, "label!");
  });
}

ListKind make_kind() {
  return {.table = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
          .quiet = "{{.ID}}",
          .headings = {{"Containers", "CONTAINERS"},
                       {"CreatedAt", "CREATED AT"},
                       {"CreatedSince", "CREATED"},
                       {"Digest", "DIGEST"},
                       {"ID", "IMAGE ID"},
                       {"Repository", "REPOSITORY"},
                       {"SharedSize", "SHARED SIZE"},
                       {"Size", "SIZE"},
                       {"Tag", "TAG"},
                       {"UniqueSize", "UNIQUE SIZE"},
                       {"VirtualSize", "SIZE"}}};
}

// What is not in the default table costs a question to the database, and is found out where a format may want it.
Json row(engine::Engine& engine, const Listed& image, const Shown& shown, std::map<std::string, int>& users) {
  const std::uint64_t shared = shown.format.empty() ? 0 : image::shared_bytes(engine.database, image.id);
  return {{"Containers", std::to_string(users[image.id])},
          {"CreatedAt", go_time(image.created)},
          {"CreatedSince", human_duration(std::time(nullptr) - image.created) + " ago"},
          {"Digest", or_none(image.digest)},
          {"ID", shown.whole ? image.id : image::short_id(image.id)},
          {"Repository", or_none(image.repository)},
          {"SharedSize", human_size(shared)},
          {"Size", human_size(image.size)},
          {"Tag", or_none(image.tag)},
          {"UniqueSize", human_size(image.size - std::min(shared, image.size))},
          {"VirtualSize", human_size(image.size)}};
}

}  // namespace

int images(const Door& door, std::vector<std::string> words) {
  Options options("images", "[OPTIONS] [NAME[:TAG]]", "List the images, the newest first");
  Shown shown;
  Filters filters({"before", "dangling", "label", "label!", "reference", "since", "until"});
  bool all = false;
  bool digests = false;
  options.flag('a', "all", "Accepted as docker has it: there are no hidden images here", all);
  options.flag(0, "digests", "What registries call them", digests);
  add_shown(options, shown);
  filters.declare(options);
  if (!options.read(words)) return 0;
  if (words.size() > 1) throw Error("read the word " + words[1], 0, "see coracle images --help");
  for (const std::string& word : words) filters.add("reference=" + word);

  engine::Engine engine(door.roots);
  sweep(engine);
  std::vector<Listed> images = engine.store.list();
  choose(engine, filters, images);
  std::map<std::string, int> users;
  for (const engine::Record& record : engine.records.all()) ++users[record.image];
  std::vector<Json> rows;
  for (const Listed& image : images) rows.push_back(row(engine, image, shown, users));
  ListKind kind = make_kind();
  if (digests) kind.table = "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
  print_list(kind, shown, rows);
  return 0;
}

}  // namespace coracle::cli
