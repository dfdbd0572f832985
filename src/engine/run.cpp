#include "engine/run.hpp"

#include <optional>

#include <unistd.h>

#include "engine/chance_name.hpp"
#include "engine/container_events.hpp"
#include "engine/create.hpp"
#include "engine/find_image.hpp"
#include "engine/join_note.hpp"
#include "engine/network_spec.hpp"
#include "engine/volume_use.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "launch/assemble.hpp"
#include "launch/launch.hpp"

namespace coracle::engine {

Ended run(Engine& engine, const RunOptions& asked, bool timeline, launch::Keeper* keeper,
          const std::function<void(const std::string&)>& made) {
  if (!asked.name.empty()) check_name(asked.name);
  const image::Image image = find_image(engine, asked);
  RunOptions options = asked;
  resolve_volumes(engine, options, image.config);
  Place place = place_of(engine, launch::new_id(), image);
  find_networks(engine, options, place);
  // A network has to know the name before the record does.
  place.name = options.name.empty() && !options.networks.empty() ? chance_name() : options.name;
  launch::Spec spec = make_spec(options, image.config, place);
  if (keeper != nullptr) spec.terminal = keeper->options();

  Ended ended;
  // What killed commands left is cleared away while the container is made, unless it may hold what we are to have.
  const auto sweep = [&] { ended.left_behind = engine.sweep(); };
  const bool sweep_first = !options.name.empty() || !options.ports.empty() || !options.networks.empty();
  if (sweep_first) sweep();
  parts::Parts parts = launch::assemble(spec, &ended.usage);
  Record record = make_record(engine, options, image, place.id, spec.process.args);
  if (!place.name.empty()) record.name = place.name;
  record.life.state = State::running;
  record.life.started = record.created;
  record.life.launcher = kernel::process_note(getpid());
  std::optional<ContainerLock> lock;
  const auto held = [&] {
    lock = add(engine, record, options);
    if (made) made(place.id);
    write_name_files(options, place.run_dir);
  };
  try {
    const launch::Outcome outcome =
        launch::run(spec.process, parts,
                    {.run_root = engine.roots.run,
                     .id = place.id,
                     .record = timeline,
                     .held = held,
                     .meanwhile = sweep_first ? std::function<void()>([&] { check_networks(engine, place); }) : sweep,
                     .executed =
                         [&](pid_t pid) {
                           write_join_note(place.run_dir, spec, pid);
                           tell(engine, record, options, "start");
                         },
                     .watch = keeper != nullptr ? keeper->watch() : launch::Watch{}});
    ended.status = outcome.ending.status();
    ended.left_behind.insert(ended.left_behind.end(), outcome.left_behind.begin(), outcome.left_behind.end());
  } catch (const kernel::Error& error) {
    if (lock) settle_failed(engine, record, options, error);
    throw;
  }
  settle_ended(engine, record, options, ended.status, ended.usage.oom_killed);
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
