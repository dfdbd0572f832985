// coracle volume ls and coracle volume inspect: docker's table and docker's fields.
#include <algorithm>

#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/describe.hpp"
#include "cli/filters.hpp"
#include "cli/format.hpp"
#include "cli/options.hpp"
#include "engine/volume_use.hpp"
#include "image/time.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using engine::VolumeRecord;
using kernel::Error;

const ListKind kKind = {.table = "{{.Driver}}\t{{.Name}}",
                        .quiet = "{{.Name}}",
                        .headings = {{"Availability", "AVAILABILITY"},
                                     {"Driver", "DRIVER"},
                                     {"Group", "GROUP"},
                                     {"Labels", "LABELS"},
                                     {"Links", "LINKS"},
                                     {"Mountpoint", "MOUNTPOINT"},
                                     {"Name", "VOLUME NAME"},
                                     {"Scope", "SCOPE"},
                                     {"Size", "SIZE"},
                                     {"Status", "STATUS"}}};

std::string joined(const VolumeRecord::Words& words) {
  std::string text;
  for (const auto& [name, value] : words) text += (text.empty() ? "" : ",") + name + "=" + value;
  return text;
}

// What swarms and `system df` would know is not asked for here, as with docker.
Json row(const engine::Engine& engine, const VolumeRecord& volume) {
  return {{"Availability", "N/A"}, {"Driver", "local"},
          {"Group", "N/A"},        {"Labels", joined(volume.labels)},
          {"Links", "N/A"},        {"Mountpoint", engine.volumes.mountpoint_of(volume.name)},
          {"Name", volume.name},   {"Scope", "local"},
          {"Size", "N/A"},         {"Status", "N/A"}};
}

Json words_or_null(const VolumeRecord::Words& words) { return words.empty() ? Json() : Json(words); }

bool lets_through(engine::Engine& engine, const Filters& filters, const VolumeRecord& volume) {
  const auto has_name = [&](const std::string& part) { return volume.name.find(part) != std::string::npos; };
  return filters.any("name", has_name) && filters.labels(volume.labels) &&
         filters.any("driver", [](const std::string& driver) { return driver == "local"; }) &&
         (!filters.given("dangling") || filters.flag("dangling", engine::users_of(engine, volume.name).empty()));
}

}  // namespace

Json describe_volume(engine::Engine& engine, const std::string& name) {
  const auto volume = engine.volumes.find(name);
  if (!volume) throw Error("get " + name + ": no such volume", ENOENT);
  return {{"CreatedAt", image::rfc3339(volume->created)},
          {"Driver", "local"},
          {"Labels", words_or_null(volume->labels)},
          {"Mountpoint", engine.volumes.mountpoint_of(name)},
          {"Name", name},
          {"Options", words_or_null(volume->options)},
          {"Scope", "local"}};
}

int volume_ls(const Door& door, std::vector<std::string> words) {
  Options options("volume ls", "[OPTIONS]", "List the volumes");
  Shown shown;
  Filters filters({"dangling", "driver", "label", "name"});
  add_shown(options, shown, false);
  filters.declare(options);
  if (!options.read(words)) return 0;
  if (!words.empty()) throw Error("read the word " + words[0], 0, "see coracle volume ls --help");
  engine::Engine engine(door.roots);
  std::vector<Json> rows;
  for (const VolumeRecord& volume : engine.volumes.all())
    if (lets_through(engine, filters, volume)) rows.push_back(row(engine, volume));
  print_list(kKind, shown, rows);
  return 0;
}

int volume_inspect(const Door& door, std::vector<std::string> words) {
  Options options("volume inspect", "[OPTIONS] VOLUME [VOLUME...]", "Tell all about volumes, as JSON");
  std::string format;
  options.value('f', "format", "FORMAT", kInspectFormat, format);
  if (!options.read(words)) return 0;
  if (words.empty()) throw Error("read the command line", 0, "a volume is missing; see coracle volume inspect --help");
  engine::Engine engine(door.roots);
  return print_inspected(words, format, [&](const std::string& name) { return describe_volume(engine, name); });
}

}  // namespace coracle::cli
