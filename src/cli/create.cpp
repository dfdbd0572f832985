// coracle create: makes a container and does not start it, as docker create does.
#include "engine/create.hpp"

#include <cstdio>

#include "cli/cli.hpp"
#include "cli/run_options.hpp"
#include "image/reference.hpp"
#include "kernel/error.hpp"
#include "launch/rootless.hpp"

namespace coracle::cli {

int create(const Door& door, std::vector<std::string> arguments) {
  ContainerWords words;
  Options options("create", "[OPTIONS] IMAGE [COMMAND] [ARG...]",
                  "Make a container from an image, to be started later.");
  add_container_options(options, words);
  if (!options.read(arguments, false)) return 0;
  take_image(words, std::move(arguments), "create");
  check_cidfile(words.cidfile);
  leave_out_limits(words.options);
  if (words.pull == PullPolicy::always) bring(door, words.options.image, words.platform);
  if (words.pull == PullPolicy::missing)
    words.options.bring_image = [&] { bring_missing(door, words.options.image, words.platform); };
  engine::Engine engine(door.roots, true);
  if (!launch::rootless() && !words.options.name.empty()) sweep(engine);
  try {
    const engine::Record record = engine::create(engine, words.options);
    write_cidfile(words.cidfile, record.id);
    std::puts(record.id.c_str());
    return 0;
  } catch (const NotBrought&) {
    return kFailure;
  }
}

}  // namespace coracle::cli
