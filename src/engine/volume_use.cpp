#include "engine/volume_use.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/events.hpp"
#include "engine/exec.hpp"
#include "engine/options_json.hpp"
#include "kernel/error.hpp"

namespace coracle::engine {
namespace {

using kernel::Error;
using parts::Volume;
using Kind = Volume::Kind;

bool has_place(const std::vector<Volume>& volumes, const std::string& destination) {
  return std::any_of(volumes.begin(), volumes.end(),
                     [&](const Volume& volume) { return volume.destination == destination; });
}

// NAME[:ro|rw]: nothing when the volumes stay as they are with that container.
std::optional<bool> read_mode(const std::string& text, std::size_t colon) {
  if (colon == std::string::npos) return std::nullopt;
  const std::string mode = text.substr(colon + 1);
  if (mode == "z" || mode == "Z") return std::nullopt;
  if (mode != "ro" && mode != "rw") throw Error("read --volumes-from " + text, 0, "invalid mode: " + mode);
  return mode == "ro";
}

// What is in memory is of one container alone.
std::vector<Volume> volumes_from(Engine& engine, const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::optional<bool> readonly = read_mode(text, colon);
  std::vector<Volume> volumes = parse_options(find_container(engine.records, text.substr(0, colon)).options).volumes;
  std::erase_if(volumes, [](const Volume& volume) { return volume.kind == Kind::tmpfs; });
  for (Volume& volume : volumes) {
    volume.anonymous = false;  // it goes with the other container
    volume.readonly = volume.readonly || readonly.value_or(false);
  }
  return volumes;
}

// The last --volumes-from wins, and options of our own win over all of them.
void add_volumes_of_others(Engine& engine, RunOptions& options) {
  std::vector<Volume> taken;
  for (auto text = options.volumes_from.rbegin(); text != options.volumes_from.rend(); ++text) {
    for (Volume& volume : volumes_from(engine, *text)) {
      if (!has_place(options.volumes, volume.destination) && !has_place(taken, volume.destination))
        taken.push_back(std::move(volume));
    }
  }
  std::move(taken.begin(), taken.end(), std::back_inserter(options.volumes));
}

void add_volumes_of_image(RunOptions& options, const image::Config& config) {
  for (const std::string& place : config.volumes) {
    Volume volume{.kind = Kind::named, .source = chance_volume_name(), .destination = "/" + place, .anonymous = true};
    volume = parts::checked(std::move(volume));
    if (!has_place(options.volumes, volume.destination)) options.volumes.push_back(std::move(volume));
  }
}

}  // namespace

void resolve_volumes(Engine& engine, RunOptions& options, const image::Config& config) {
  add_volumes_of_others(engine, options);
  add_volumes_of_image(options, config);
  for (Volume& volume : options.volumes) {
    if (volume.kind != Kind::named) continue;
    if (volume.source.empty()) {
      volume.source = chance_volume_name();
      volume.anonymous = true;
    } else if (const auto record = engine.volumes.find(volume.source)) {
      volume.device = parts::parse_device(record->options);
    }
  }
}

void note_anonymous_volumes(Engine& engine, const RunOptions& options) {
  for (const Volume& volume : options.volumes) {
    if (volume.anonymous) engine.volumes.note({.name = volume.source, .labels = {{kAnonymousLabel, ""}}});
  }
}

bool has_anonymous_volumes(const Record& record) {
  return record.options.find(R"("anonymous":true)") != std::string::npos;
}

void remove_anonymous_volumes(Engine& engine, const Record& record) {
  for (const Volume& volume : parse_options(record.options).volumes) {
    if (!volume.anonymous) continue;
    try {
      remove_volume(engine, volume.source);
    } catch (const Error& error) {
      if (error.code() != EBUSY && error.code() != ENOENT) throw;
    }
  }
}

std::vector<std::string> volumes_of(const Record& record) {
  std::vector<std::string> names;
  try {
    for (const Volume& volume : parse_options(record.options).volumes)
      if (volume.kind == Kind::named) names.push_back(volume.source);
  } catch (const Error&) {
    // A damaged record names none.
  }
  return names;
}

std::vector<Record> users_of(Engine& engine, const std::string& volume) {
  std::vector<Record> users = engine.records.all();
  std::erase_if(users, [&](const Record& record) {
    const std::vector<std::string> names = volumes_of(record);
    return std::find(names.begin(), names.end(), volume) == names.end();
  });
  return users;
}

void remove_volume(Engine& engine, const std::string& name) {
  if (!engine.volumes.find(name)) throw Error("get " + name + ": no such volume", ENOENT);
  engine.volumes.remove(name, [&] {
    std::string ids;
    for (const Record& record : users_of(engine, name)) ids += (ids.empty() ? "" : ", ") + record.id;
    if (!ids.empty()) throw Error("remove " + name + ": volume is in use - [" + ids + "]", EBUSY);
  });
  tell(engine, "volume", "destroy", name, {{"driver", "local"}});
}

}  // namespace coracle::engine
