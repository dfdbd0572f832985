// coracle history: the steps that made an image, the last one first, as docker history shows them.
#include <algorithm>
#include <ctime>

#include <fmt/format.h>

#include "cli/cli.hpp"
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

}  // namespace

int history(const Door& door, std::vector<std::string> words) {
  Options options("history", "[OPTIONS] IMAGE", "Tell how an image was made, the last step first");
  bool whole = false;
  bool quiet = false;
  bool human = true;
  options.flag(0, "no-trunc", "Whole ids and steps", whole);
  options.flag('q', "quiet", "The ids alone", quiet);
  options.flag('H', "human", "Sizes and times for people; --human=false for programs", human);
  if (!options.read(words)) return 0;
  if (words.size() != 1) throw Error("read the command line", 0, "one image is needed; see coracle history --help");
  return for_each(words, [&](const std::string& name) {
    engine::Engine engine(door.roots);
    const image::Image image = engine.store.find(name);
    Table table{{"IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"}};
    std::string id = whole ? image.id : image::short_id(image.id);
    for (const Step& step : steps_of(image.config, image::layer_sizes(engine.database, image.config.diff_ids))) {
      table.push_back({id, age(step.made.created, human), shown(step.made.created_by, whole),
                       human ? human_size(step.size) : std::to_string(step.size), shown(step.made.comment, true)});
      id = "<missing>";
    }
    if (!quiet) fmt::print("{}", format_table(table));
    for (std::size_t i = 1; quiet && i < table.size(); ++i) fmt::print("{}\n", table[i][0]);
  });
}

}  // namespace coracle::cli
