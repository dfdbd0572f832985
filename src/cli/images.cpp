// coracle images: the table that docker prints.
#include <algorithm>
#include <ctime>

#include <fmt/format.h>
#include <fnmatch.h>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "cli/table.hpp"
#include "image/digest.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using image::Listed;
using kernel::Error;

struct Shown {
  bool quiet = false, whole = false, digests = false;
};

// All of them must let an image through.
using Filters = std::vector<std::function<bool(const Listed&)>>;

std::string shown_id(const Listed& image, bool whole) { return whole ? image.id : image::short_id(image.id); }

std::string or_none(const std::string& text) { return text.empty() ? "<none>" : text; }

// As docker's reference.FamiliarMatch: a pattern for the whole name, or for the repository alone.
bool matches(const std::string& pattern, const Listed& image) {
  const auto fits = [&](const std::string& name) { return fnmatch(pattern.c_str(), name.c_str(), FNM_PATHNAME) == 0; };
  if (image.repository.empty()) return false;
  return fits(image.repository) || (!image.tag.empty() && fits(image.repository + ":" + image.tag));
}

void add_filter(const std::string& text, Filters& filters) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (name == "reference" && !value.empty()) {
    filters.emplace_back([value](const Listed& image) { return matches(value, image); });
  } else if (name == "dangling" && (value == "true" || value == "false")) {
    filters.emplace_back([dangling = value == "true"](const Listed& image) { return image.tag.empty() == dangling; });
  } else {
    throw Error("read the filter " + text, 0, "the filters are dangling=true, dangling=false and reference=PATTERN");
  }
}

void print(const std::vector<Listed>& images, const Shown& shown) {
  if (shown.quiet) {
    for (const Listed& image : images) fmt::print("{}\n", shown_id(image, shown.whole));
    return;
  }
  Table table{{"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"}};
  if (shown.digests) table[0].insert(table[0].begin() + 2, "DIGEST");
  const std::time_t now = std::time(nullptr);
  for (const Listed& image : images) {
    table.push_back({or_none(image.repository), or_none(image.tag), shown_id(image, shown.whole),
                     human_duration(now - image.created) + " ago", human_size(image.size)});
    if (shown.digests) table.back().insert(table.back().begin() + 2, or_none(image.digest));
  }
  fmt::print("{}", format_table(table));
}

}  // namespace

int images(const Door& door, std::vector<std::string> words) {
  Options options("images", "[OPTIONS] [NAME[:TAG]]", "List the images, the newest first");
  Shown shown;
  Filters filters;
  bool all = false;
  options.flag('a', "all", "Accepted as docker has it: there are no hidden images here", all);
  options.flag('q', "quiet", "The ids alone", shown.quiet);
  options.flag(0, "no-trunc", "Whole ids", shown.whole);
  options.flag(0, "digests", "What registries call them", shown.digests);
  options.value('f', "filter", "FILTER", "dangling=true, dangling=false, or reference=PATTERN",
                [&](const std::string& text) { add_filter(text, filters); });
  if (!options.read(words)) return 0;
  if (words.size() > 1) throw Error("read the word " + words[1], 0, "see coracle images --help");
  for (const std::string& word : words) add_filter("reference=" + word, filters);

  engine::Engine engine(door.roots);
  sweep(engine);
  std::vector<Listed> images = engine.store.list();
  std::erase_if(images, [&](const Listed& image) {
    return std::any_of(filters.begin(), filters.end(), [&](const auto& passes) { return !passes(image); });
  });
  print(images, shown);
  return 0;
}

}  // namespace coracle::cli
