// coracle push [-q] NAME[:TAG]
#include "registry/push.hpp"

#include <cstdio>

#include <fmt/format.h>

#include "cli/options.hpp"
#include "engine/events.hpp"
#include "images/bars.hpp"
#include "images/images.hpp"
#include "images/signals.hpp"
#include "kernel/error.hpp"

namespace coracle::images {
using kernel::Error;

int push(const cli::Door& door, std::vector<std::string> words) {
  cli::Options options("push", "[OPTIONS] NAME[:TAG]", "Send an image to the registry that its name says");
  bool quiet = false;
  options.flag('q', "quiet", "Print the name alone", quiet);
  if (!options.read(words)) return 0;
  if (words.size() != 1) throw Error("read the command line", 0, "one name must be given; see coracle push --help");
  registry::PushRequest request{.name = image::parse_reference(words[0])};
  const image::Reference& name = request.name;
  if (!name.digest.empty()) throw Error("push " + name.text(), 0, "an image is pushed under a tag, not by its digest");

  const Signals signals;
  request.go_on = [&] { signals.throw_when_asked_to_end("push"); };
  engine::Engine engine(door.roots);
  cli::sweep(engine);
  Bars bars(quiet);
  request.found = [&](const image::Manifest& manifest) {
    if (!quiet) fmt::print("The push refers to repository [{}]\n", name.repository());
    for (const image::Descriptor& layer : manifest.layers) bars.add(layer.digest, "Preparing");
    bars.begin();
  };
  request.progress = [&](const image::Descriptor& layer, std::uint64_t bytes, std::uint64_t total) {
    request.go_on();
    bars.progress(layer.digest, "Pushing", bytes, total);
  };
  request.done = [&](const image::Descriptor& layer, const std::string& outcome) { bars.state(layer.digest, outcome); };
  const registry::Pushed pushed = registry::push(engine.store, request);
  engine::tell(engine, "image", "push", name.text(), {{"name", image::familiar(name.repository())}});
  if (quiet) {
    fmt::print("{}:{}\n", name.repository(), name.tag);
  } else {
    fmt::print("{}: digest: {} size: {}\n", name.tag, pushed.digest, pushed.size);
  }
  return 0;
}

}  // namespace coracle::images
