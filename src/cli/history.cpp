// coracle history: the steps that made an image, the last one first, as docker history shows them.
#include <algorithm>
#include <ctime>

#include "cli/cli.hpp"
#include "cli/format.hpp"
#include "cli/options.hpp"
#include "cli/table.hpp"
#include "image/digest.hpp"
#include "image/time.hpp"
#include "image/usage.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

constexpr std::size_t kShortStep = 45;

struct Step {
  image::History made;
  std::uint64_t size = 0;
};

// The last one first. A history that does not go with the layers, which nothing forbids, is left away.
std::vector<Step> steps_of(const image::Config& config, const std::vector<std::uint64_t>& sizes) {
  std::vector<Step> steps;
  std::size_t layer = 0;
  for (const image::History& made : config.history) {
    const bool has_layer = !made.empty_layer && layer < sizes.size();
    steps.push_back({made, has_layer ? sizes[layer] : 0});
    layer += made.empty_layer ? 0 : 1;
  }
  if (layer != sizes.size()) {
    steps.clear();
    for (const std::uint64_t size : sizes) steps.push_back({{.created = config.created}, size});
  }
  std::reverse(steps.begin(), steps.end());
  return steps;
}

std::string shown(const std::string& text, bool whole) {
  const std::string line = kernel::printable(text);
  if (whole || line.size() <= kShortStep) return line;
  std::size_t end = kShortStep - 1;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80) --end;  // not inside a character
  return line.substr(0, end) + "…";
}

std::string age(const std::string& created, bool human) {
  const std::int64_t seconds = image::seconds_of(created);
  if (seconds == 0) return human ? "N/A" : created;
  return human ? human_duration(std::time(nullptr) - seconds) + " ago" : image::rfc3339(seconds);
}

ListKind kind(bool human) {
  return {.table = human ? "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
                         : "{{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
          .quiet = "{{.ID}}",
          .headings = {{"Comment", "COMMENT"},
                       {"CreatedAt", human ? "CREATED AT" : "CREATED"},
                       {"CreatedBy", "CREATED BY"},
                       {"CreatedSince", "CREATED"},
                       {"ID", "IMAGE"},
                       {"Size", "SIZE"}}};
}

}  // namespace

int history(const Door& door, std::vector<std::string> words) {
  Options options("history", "[OPTIONS] IMAGE", "Tell how an image was made, the last step first");
  Shown list;
  bool human = true;
  add_shown(options, list);
  options.flag('H', "human", "Sizes and times for people; --human=false for programs", human);
  if (!options.read(words)) return 0;
  if (words.size() != 1) throw Error("read the command line", 0, "one image is needed; see coracle history --help");
  return for_each(words, [&](const std::string& name) {
    engine::Engine engine(door.roots);
    const image::Image image = engine.store.find(name);
    std::vector<Json> rows;
    std::string id = list.whole ? image.id : image::short_id(image.id);
    for (const Step& step : steps_of(image.config, image::layer_sizes(engine.database, image.config.diff_ids))) {
      rows.push_back({{"Comment", shown(step.made.comment, true)},
                      {"CreatedAt", age(step.made.created, false)},
                      {"CreatedBy", shown(step.made.created_by, list.whole)},
                      {"CreatedSince", age(step.made.created, true)},
                      {"ID", id},
                      {"Size", human ? human_size(step.size) : std::to_string(step.size)}});
      id = "<missing>";
    }
    print_list(kind(human), list, rows);
  });
}

}  // namespace coracle::cli
