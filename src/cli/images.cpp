// coracle images: the table that docker prints.
#include <ctime>

#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "cli/table.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

std::string shown_id(const image::Listed& image, bool whole) {
  constexpr std::size_t kShort = 12;
  return whole ? image.id : image.id.substr(sizeof "sha256:" - 1, kShort);
}

std::string or_none(const std::string& text) { return text.empty() ? "<none>" : text; }

}  // namespace

int images(const Door& door, std::vector<std::string> words) {
  Options options("images", "[OPTIONS]", "List the images, the newest first");
  bool quiet = false;
  bool whole = false;
  options.flag('q', "quiet", "The ids alone", quiet);
  options.flag(0, "no-trunc", "Whole ids", whole);
  if (!options.read(words)) return 0;
  if (!words.empty()) throw kernel::Error("read the word " + words[0], 0, "see coracle images --help");

  engine::Engine engine(door.roots);
  sweep(engine);
  const std::vector<image::Listed> all = engine.store.list();
  if (quiet) {
    for (const image::Listed& image : all) fmt::print("{}\n", shown_id(image, whole));
    return 0;
  }
  Table table{{"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"}};
  const std::time_t now = std::time(nullptr);
  for (const image::Listed& image : all) {
    table.push_back({or_none(image.repository), or_none(image.tag), shown_id(image, whole),
                     human_duration(now - image.created) + " ago", human_size(image.size)});
  }
  fmt::print("{}", format_table(table));
  return 0;
}

}  // namespace coracle::cli
