// coracle load [-i FILE] [--platform PLATFORM]
#include "image/load.hpp"

#include <cstdio>

#include <unistd.h>

#include "cli/options.hpp"
#include "engine/events.hpp"
#include "images/images.hpp"
#include "images/signals.hpp"
#include "kernel/error.hpp"
#include "kernel/tty.hpp"

namespace coracle::images {
using kernel::Error;

namespace {

void show(const image::Loaded& loaded) {
  if (loaded.names.empty()) std::printf("Loaded image ID: %s\n", loaded.id.c_str());
  for (const image::Reference& name : loaded.names) std::printf("Loaded image: %s\n", name.text().c_str());
  std::fflush(stdout);
}

}  // namespace

int load(const cli::Door& door, std::vector<std::string> words) {
  cli::Options options("load", "[OPTIONS]",
                       "Take in the images of an archive that docker save, podman save or coracle save wrote,\n"
                       "or of an OCI layout: a directory, or a tar that is plain or compressed with gzip, zstd or xz.");
  image::LoadRequest request;
  bool quiet = false;
  options.value('i', "input", "PATH", "The archive or directory; stdin is read without it", request.path);
  options.flag('q', "quiet", "Accepted as docker has it; there is no progress to leave out", quiet);
  options.value(0, "platform", "OS/ARCHITECTURE", "Of images for several platforms, this one; else the host's",
                [&](const std::string& text) { request.platform = image::parse_platform(text); });
  if (!options.read(words)) return 0;
  if (!words.empty())
    throw Error("read the word " + words[0], 0, "an archive is given with -i; see coracle load --help");
  if (request.path.empty() && kernel::is_terminal(STDIN_FILENO)) {
    throw Error("read an archive from the terminal", 0, "give one with -i, or redirect stdin");
  }

  const Signals signals;
  request.go_on = [&] { signals.throw_when_asked_to_end("load"); };
  engine::Engine engine(door.roots);
  cli::sweep(engine);
  request.loaded = [&](const image::Loaded& loaded) {
    show(loaded);
    engine::tell(engine, "image", "load", loaded.id,
                 {{"name", loaded.names.empty() ? loaded.id : loaded.names[0].text()}});
  };
  image::load(engine.store, request);
  return 0;
}

}  // namespace coracle::images
