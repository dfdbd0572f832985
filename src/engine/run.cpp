#include "engine/run.hpp"

#include <ctime>

#include "engine/find_image.hpp"
#include "engine/join_note.hpp"
#include "engine/names.hpp"
#include "engine/network_spec.hpp"
#include "kernel/error.hpp"
#include "kernel/fd.hpp"
#include "launch/assemble.hpp"
#include "launch/launch.hpp"

namespace coracle::engine {

Ended run(Engine& engine, const RunOptions& options, bool timeline, launch::Keeper* keeper) {
  if (!options.name.empty()) check_name(options.name);
  const image::Image image = find_image(engine, options);
  const std::string id = launch::new_id();
  Place place = {.id = id,
                 .layers = engine.store.layer_directories(image.config),
                 .directory = engine.containers_dir() + "/" + id,
                 .run_dir = engine.roots.run + "/" + id,
                 .volumes_dir = engine.volumes_dir(),
                 .cache_dir = engine.cache_dir()};
  find_networks(engine, options, place);
  place.name = options.name;
  launch::Spec spec = make_spec(options, image.config, place);
  if (keeper != nullptr) spec.terminal = keeper->options();

  Ended ended;
  // What killed commands left is cleared away while the container is made, unless it may hold what we are to have.
  const auto sweep = [&] { ended.left_behind = engine.sweep(); };
  const bool sweep_first = !options.name.empty() || !options.ports.empty() || !options.networks.empty();
  if (sweep_first) sweep();
  parts::Parts parts = launch::assemble(spec, &ended.usage);
  const Record record = {
      id, options.name.empty() ? id : options.name, image.id, spec.process.args, std::time(nullptr), engine.roots.run};
  bool taken = false;
  const auto held = [&] {
    engine.records.add(record);
    taken = true;
    if (record.name != id) link_name(engine.roots.data, record.name, id);
    kernel::make_directories(place.directory, 0700);
    write_name_files(options, place.run_dir);
  };
  try {
    const launch::Outcome outcome =
        launch::run(spec.process, parts,
                    {.run_root = engine.roots.run,
                     .id = id,
                     .record = timeline,
                     .held = held,
                     .meanwhile = sweep_first ? std::function<void()>([&] { check_networks(engine, place); }) : sweep,
                     .executed = [&](pid_t pid) { write_join_note(place.run_dir, spec, pid); },
                     .watch = keeper != nullptr ? keeper->watch() : launch::Watch{}});
    ended.status = outcome.ending.status();
    ended.left_behind.insert(ended.left_behind.end(), outcome.left_behind.begin(), outcome.left_behind.end());
  } catch (...) {
    if (taken) engine.forget(record);
    throw;
  }
  engine.forget(record);
  return ended;
}

Ended run_in(Engine& engine, const RunOptions& options, const image::Config& config, const std::string& rootfs,
             const sigset_t* mask) {
  const std::string id = launch::new_id();
  const Place place = {.id = id, .run_dir = engine.roots.run + "/" + id, .cache_dir = engine.cache_dir()};
  launch::Spec spec = make_spec(options, config, place);
  spec.rootfs.path = rootfs;
  parts::Parts parts = launch::assemble(spec);
  const launch::Outcome outcome = launch::run(spec.process, parts,
                                              {.run_root = engine.roots.run,
                                               .id = id,
                                               .held = [&] { write_name_files(options, place.run_dir); },
                                               .kill_at_once = true,
                                               .program_mask = mask});
  return {.status = outcome.ending.status(), .asked_to_end = outcome.asked_to_end, .left_behind = outcome.left_behind};
}

}  // namespace coracle::engine
