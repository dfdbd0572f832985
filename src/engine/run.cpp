#include "engine/run.hpp"

#include <ctime>

#include "kernel/error.hpp"
#include "kernel/fd.hpp"
#include "launch/assemble.hpp"
#include "launch/launch.hpp"

namespace coracle::engine {
namespace {

// Copies, because the container may write to them (as docker's --network host has it).
void copy_host_files(const std::string& directory) {
  for (const char* name : {"hosts", "hostname", "resolv.conf"}) {
    const std::string source = std::string("/etc/") + name;
    kernel::create_file(directory + "/" + name, kernel::exists(source) ? kernel::read_file(source) : "");
  }
}

}  // namespace

Ended run(Engine& engine, const RunOptions& options, bool timeline) {
  if (!options.name.empty()) check_name(options.name);
  const image::Image image = engine.store.find(options.image);
  const std::string id = launch::new_id();
  const Place place = {.id = id,
                       .layers = engine.store.layer_directories(image.config),
                       .directory = engine.containers_dir() + "/" + id,
                       .volumes_dir = engine.volumes_dir()};
  const launch::Spec spec = make_spec(options, image.config, place);

  Ended ended;
  parts::Parts parts = launch::assemble(spec, &ended.usage);
  const auto held = [&] {
    engine.records.add({id, options.name.empty() ? id : options.name, image.id, spec.process.args, std::time(nullptr),
                        engine.roots.run});
    kernel::make_directories(place.directory, 0700);
    if (options.network == Network::host) copy_host_files(place.directory);
  };
  try {
    launch::Outcome outcome = launch::run(spec.process, parts, {engine.roots.run, id, timeline, held});
    ended.status = outcome.ending.status();
    ended.left_behind = std::move(outcome.left_behind);
  } catch (...) {
    engine.forget(id);
    throw;
  }
  engine.forget(id);
  return ended;
}

}  // namespace coracle::engine
