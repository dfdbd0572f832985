#include "engine/create.hpp"

#include "engine/chance_name.hpp"
#include "engine/container_events.hpp"
#include "engine/find_image.hpp"
#include "engine/names.hpp"
#include "engine/network_spec.hpp"
#include "engine/options_json.hpp"
#include "engine/volume_use.hpp"
#include "kernel/fd.hpp"
#include "launch/launch.hpp"

namespace coracle::engine {
namespace {

void add_record(Engine& engine, Record& record, bool named) {
  constexpr int kTries = 100;
  for (int i = 1;; ++i) {
    try {
      return engine.records.add(record);
    } catch (const kernel::Error&) {
      if (named || !engine.database.was_not_unique() || i == kTries) throw;
      record.name = chance_name();
    }
  }
}

}  // namespace

Record create(Engine& engine, const RunOptions& asked) {
  if (!asked.name.empty()) check_name(asked.name);
  const image::Image image = find_image(engine, asked);
  RunOptions options = asked;
  resolve_volumes(engine, options, image.config);
  Place place = place_of(engine, launch::new_id(), image);
  find_networks(engine, options, place);
  place.name = options.name;
  const launch::Spec spec = make_spec(options, image.config, place);
  Record record = make_record(engine, options, image, place.id, spec.process.args);
  add(engine, record, options);
  return record;
}

Place place_of(const Engine& engine, const std::string& id, const image::Image& image) {
  return {.id = id,
          .layers = engine.store.layer_directories(image.config),
          .directory = engine.container_dir(id),
          .run_dir = engine.roots.run + "/" + id,
          .volumes_dir = engine.volumes_dir(),
          .cache_dir = engine.cache_dir()};
}

Record make_record(const Engine& engine, const RunOptions& options, const image::Image& image, const std::string& id,
                   const std::vector<std::string>& arguments) {
  return {.id = id,
          .name = options.name.empty() ? chance_name() : options.name,
          .image = image.id,
          .command = arguments,
          .created = now(),
          .run_root = engine.roots.run,
          .options = to_json(options)};
}

ContainerLock add(Engine& engine, Record& record, const RunOptions& options) {
  const std::string directory = engine.container_dir(record.id);
  ContainerLock lock = ContainerLock::make(directory);
  try {
    add_record(engine, record, !options.name.empty());
  } catch (...) {
    kernel::remove_tree(directory);
    throw;
  }
  if (!options.name.empty()) link_name(engine.roots.data, record.name, record.id);
  note_anonymous_volumes(engine, options);
  tell(engine, record, options, "create");
  return lock;
}

void settle_ended(Engine& engine, Record& record, const RunOptions& options, int status, bool oom_killed) {
  tell_died(engine, record, options, status, oom_killed);
  if (options.remove) return engine.forget(record);
  record.life.state = State::exited;
  record.life.status = status;
  record.life.oom_killed = oom_killed;
  record.life.finished = now();
  engine.records.set_life(record.id, record.life);
}

void settle_failed(Engine& engine, Record& record, const RunOptions& options, const kernel::Error& error) {
  if (options.remove) return engine.forget(record);
  record.life.state = State::created;
  record.life.started = 0;
  record.life.status = error.status();
  record.life.error = error.what();
  engine.records.set_life(record.id, record.life);
}

}  // namespace coracle::engine
