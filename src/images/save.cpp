// coracle save [-o FILE] [--format FORMAT] IMAGE...
#include "image/save.hpp"

#include <unistd.h>

#include "cli/options.hpp"
#include "engine/events.hpp"
#include "image/save_choice.hpp"
#include "images/images.hpp"
#include "images/signals.hpp"
#include "kernel/error.hpp"
#include "kernel/tty.hpp"

namespace coracle::images {
using kernel::Error;

namespace {

image::SaveFormat parse_format(const std::string& text) {
  if (text == "docker-archive") return image::SaveFormat::docker_archive;
  if (text == "oci" || text == "oci-archive") return image::SaveFormat::oci;
  if (text == "oci-dir") return image::SaveFormat::oci_dir;
  throw Error("read the format " + text, 0, "the formats are docker-archive, oci and oci-dir");
}

}  // namespace

int save(const cli::Door& door, std::vector<std::string> words) {
  cli::Options options("save", "[OPTIONS] IMAGE...",
                       "Write images to an archive that docker, podman and coracle load: a tar that is an OCI layout\n"
                       "as well. A name without a tag stands for all tags of it.");
  image::SaveRequest request;
  options.value('o', "output", "PATH", "Written when all is there; stdout without it", request.path);
  options.value(0, "format", "FORMAT", "docker-archive, oci (a tar of a layout alone), or oci-dir (a directory)",
                [&](const std::string& text) { request.format = parse_format(text); });
  if (!options.read(words)) return 0;
  if (words.empty()) throw Error("read the command line", 0, "an image must be given; see coracle save --help");
  const bool directory = request.format == image::SaveFormat::oci_dir;
  if (request.path.empty() && (directory || kernel::is_terminal(STDOUT_FILENO))) {
    throw Error(directory ? "write a directory to stdout" : "write an archive to the terminal", 0,
                directory ? "name one with -o" : "name a file with -o, or redirect stdout");
  }
  request.images = std::move(words);

  const Signals signals;
  request.go_on = [&] { signals.throw_when_asked_to_end("save"); };
  engine::Engine engine(door.roots);
  cli::sweep(engine);
  image::save(engine.store, request);
  for (const image::Chosen& saved : image::choose_images(engine.store, request.images))
    engine::tell(engine, "image", "save", saved.image.id,
                 {{"name", saved.names.empty() ? saved.image.id : saved.names[0].text()}});
  return 0;
}

}  // namespace coracle::images
