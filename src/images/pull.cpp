// coracle pull [-q] [--platform PLATFORM] NAME[:TAG|@DIGEST]
#include "registry/pull.hpp"

#include <cstdio>
#include <set>

#include <fmt/format.h>

#include "cli/options.hpp"
#include "engine/events.hpp"
#include "images/bars.hpp"
#include "images/images.hpp"
#include "images/signals.hpp"
#include "kernel/error.hpp"

namespace coracle::images {
namespace {

using kernel::Error;

struct Words {
  registry::PullRequest request;
  bool quiet = false;
  bool default_tag = false;
};

bool read_words(Words& words, std::vector<std::string> arguments) {
  cli::Options options("pull", "[OPTIONS] NAME[:TAG|@DIGEST]", "Bring an image here from a registry");
  options.flag('q', "quiet", "Print the name alone", words.quiet);
  options.value(0, "platform", "PLATFORM", "OS/ARCHITECTURE[/VARIANT], when there is more than one",
                [&](const std::string& text) { words.request.platform = image::parse_platform(text); });
  if (!options.read(arguments)) return false;
  if (arguments.size() != 1) throw Error("read the command line", 0, "one name must be given; see coracle pull --help");
  words.request.name = image::parse_reference(arguments[0]);
  const std::string name = arguments[0].substr(arguments[0].rfind('/') + 1);
  words.default_tag = name.find_first_of(":@") == std::string::npos;
  return true;
}

// What is known of the image before its layers come, and how far those are.
void show_layers(Bars& bars, image::Store& store, const image::Manifest& manifest, std::set<std::string>& here) {
  for (const image::Descriptor& layer : manifest.layers) {
    const bool is_here = store.layer_of(layer.digest).has_value();
    if (is_here) here.insert(layer.digest);
    bars.add(layer.digest, is_here ? "Already exists" : "Pulling fs layer");
  }
  bars.begin();
}

}  // namespace

int pull(const cli::Door& door, std::vector<std::string> arguments) {
  Words words;
  if (!read_words(words, std::move(arguments))) return 0;
  registry::PullRequest& request = words.request;
  const image::Reference name = request.name;
  const std::string wanted = name.digest.empty() ? name.tag : name.digest;

  const Signals signals;
  request.go_on = [&] { signals.throw_when_asked_to_end("pull"); };
  engine::Engine engine(door.roots);
  cli::sweep(engine);
  if (!words.quiet) {
    if (words.default_tag) std::puts("Using default tag: latest");
    fmt::print("{}: Pulling from {}\n", wanted, name.host == "docker.io" ? name.path : name.repository());
    std::fflush(stdout);
  }
  Bars bars(words.quiet);
  std::set<std::string> here;
  request.found = [&](const image::Manifest& manifest) { show_layers(bars, engine.store, manifest, here); };
  request.progress = [&](const image::Descriptor& layer, std::uint64_t bytes, std::uint64_t total) {
    request.go_on();
    if (bytes < total) bars.progress(layer.digest, "Downloading", bytes, total);
  };
  request.taken = [&](const image::Descriptor& layer) {
    if (!here.contains(layer.digest)) bars.state(layer.digest, "Pull complete");
  };
  const registry::Pulled pulled = registry::pull(engine.store, request);
  engine::tell(engine, "image", "pull", name.text(), {{"name", image::familiar(name.repository())}});
  const std::string whole = name.repository() + (name.digest.empty() ? ":" + name.tag : "@" + name.digest);
  if (!words.quiet) {
    fmt::print("Digest: {}\nStatus: {} for {}\n", pulled.digest,
               pulled.newer ? "Downloaded newer image" : "Image is up to date", name.text());
  }
  std::puts(whole.c_str());
  return 0;
}

}  // namespace coracle::images
