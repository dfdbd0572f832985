// coracle ps: the table that docker prints.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/cli.hpp"
#include "cli/container_filters.hpp"
#include "cli/container_view.hpp"
#include "cli/format.hpp"
#include "cli/options.hpp"
#include "cli/table.hpp"
#include "image/digest.hpp"
#include "image/usage.hpp"
#include "kernel/error.hpp"
#include "kernel/tree_size.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

constexpr std::int64_t kSecond = 1'000'000'000;

// At most so many characters, the last of which says that there were more.
std::string ellipsis(const std::string& text, std::size_t most) {
  std::size_t characters = 0;
  std::size_t cut = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80) continue;
    if (++characters == most) cut = i;
  }
  return characters <= most ? text : text.substr(0, cut) + "…";
}

// The words as a person would type them, in Go's quotes.
std::string command_text(const std::vector<std::string>& words, bool whole) {
  std::string text;
  for (const std::string& word : words) {
    const bool quoted = !text.empty() && word.find(' ') != std::string::npos;
    text += (text.empty() ? "" : " ") + (quoted ? "'" + word + "'" : word);
  }
  return json_line(whole ? text : ellipsis(text, 20));
}

std::string image_text(const ContainerView& container, bool whole) {
  return whole || !container.image.starts_with("sha256:") ? container.image : image::short_id(container.image);
}

std::string label_text(const std::map<std::string, std::string>& labels) {
  std::vector<std::string> all;
  for (const auto& [name, value] : labels) all.push_back(name + "=" + value);
  return kernel::printable(fmt::format("{}", fmt::join(all, ",")));
}

std::string mount_text(const ContainerView& container, bool whole) {
  std::vector<std::string> all;
  for (const parts::Volume& volume : container.options.volumes) {
    if (volume.kind != parts::Volume::Kind::tmpfs) all.push_back(whole ? volume.source : ellipsis(volume.source, 15));
  }
  return fmt::format("{}", fmt::join(all, ","));
}

std::string size_text(engine::Engine& engine, ContainerViewer& viewer, const ContainerView& container) {
  const std::uint64_t own = kernel::tree_size(engine.containers_dir() + "/" + container.record.id + "/upper");
  std::uint64_t all = own;
  try {
    for (const std::uint64_t size :
         image::layer_sizes(engine.database, viewer.config(container.record.image).diff_ids)) {
      all += size;
    }
  } catch (const Error&) {
    // The image is damaged.
  }
  return human_size(own) + " (virtual " + human_size(all) + ")";
}

struct Wanted {
  Shown shown;
  bool all = false, latest = false, sizes = false;
  int last = -1;  // so many of them, the latest first; -1 is all
};

Json row(engine::Engine& engine, ContainerViewer& viewer, const ContainerView& container, const Wanted& wanted) {
  const engine::Record& record = container.record;
  const bool whole = wanted.shown.whole;
  const auto is_volume = [](const parts::Volume& volume) { return volume.kind == parts::Volume::Kind::named; };
  const auto& volumes = container.options.volumes;
  // Labels are the image's as well, and sizes are counted: both only where they are asked for.
  const bool table = wanted.shown.format.empty() || wanted.shown.format == "table";
  return {{"Command", command_text(record.command, whole)},
          {"CreatedAt", go_time(record.created / kSecond)},
          {"ID", whole ? record.id : image::short_id(record.id)},
          {"Image", image_text(container, whole)},
          {"Labels", table || wanted.shown.quiet ? "" : label_text(viewer.labels(container))},
          {"LocalVolumes", std::to_string(std::count_if(volumes.begin(), volumes.end(), is_volume))},
          {"Mounts", mount_text(container, whole)},
          {"Names", record.name},
          {"Networks", fmt::format("{}", fmt::join(networks_of(container.options), ","))},
          {"Ports", format_ports(viewer.ports(container))},
          {"RunningFor", human_duration((engine::now() - record.created) / kSecond) + " ago"},
          {"Size", wanted.sizes ? size_text(engine, viewer, container) : "0B"},
          {"State", container.state},
          {"Status", status_text(container)}};
}

ListKind make_kind(bool sizes) {
  std::string table = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";
  if (sizes) table += "\t{{.Size}}";
  return {.table = table,
          .quiet = "{{.ID}}",
          .headings = {{"Command", "COMMAND"},
                       {"CreatedAt", "CREATED AT"},
                       {"ID", "CONTAINER ID"},
                       {"Image", "IMAGE"},
                       {"Labels", "LABELS"},
                       {"LocalVolumes", "LOCAL VOLUMES"},
                       {"Mounts", "MOUNTS"},
                       {"Names", "NAMES"},
                       {"Networks", "NETWORKS"},
                       {"Ports", "PORTS"},
                       {"RunningFor", "CREATED"},
                       {"Size", "SIZE"},
                       {"State", "STATE"},
                       {"Status", "STATUS"}}};
}

int read_count(const std::string& text) {
  if (text.empty() || text.size() > 6 ||
      text.find_first_not_of("0123456789", text[0] == '-' ? 1 : 0) != std::string::npos)
    throw Error("read the number " + text, 0, "--last takes how many").with_status(1);
  return std::atoi(text.c_str());
}

}  // namespace

int ps(const Door& door, std::vector<std::string> words) {
  Options options("ps", "[OPTIONS]", "List the containers that run, the latest first");
  Wanted wanted;
  Filters filters = container_filters();
  options.flag('a', "all", "Those that do not run as well", wanted.all);
  options.flag('l', "latest", "The latest one alone, in whatever state", wanted.latest);
  options.value('n', "last", "COUNT", "The latest so many, in whatever state",
                [&](const std::string& text) { wanted.last = read_count(text); });
  options.flag('s', "size", "What each has written, and with its image", wanted.sizes);
  add_shown(options, wanted.shown);
  filters.declare(options);
  if (!options.read(words)) return 0;
  if (!words.empty()) throw Error("read the word " + words[0], 0, "see coracle ps --help").with_status(1);
  if (wanted.latest) wanted.last = 1;
  wanted.sizes = wanted.sizes || wanted.shown.format.find(".Size") != std::string::npos;
  // Who asks for a state, or for the latest, means those that have ended as well.
  for (const char* key : {"status", "exited", "before", "since"}) wanted.all = wanted.all || filters.given(key);
  wanted.all = wanted.all || wanted.last >= 0;

  engine::Engine engine(door.roots);
  sweep(engine);
  ContainerViewer viewer(engine);
  const std::vector<ContainerView> all = viewer.all();
  std::vector<Json> rows;
  for (const ContainerView& container : all) {
    if (wanted.last >= 0 && rows.size() == static_cast<std::size_t>(wanted.last)) break;
    if ((wanted.all || container.runs()) && fits(filters, viewer, container, all))
      rows.push_back(row(engine, viewer, container, wanted));
  }
  print_list(make_kind(wanted.sizes), wanted.shown, rows);
  return 0;
}

}  // namespace coracle::cli
