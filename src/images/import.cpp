// coracle import [-c CHANGE]... TAR... NAME[:TAG]
#include "image/import.hpp"

#include <cstdio>

#include "cli/options.hpp"
#include "engine/events.hpp"
#include "images/images.hpp"
#include "images/signals.hpp"
#include "kernel/error.hpp"

namespace coracle::images {
using kernel::Error;

int import(const cli::Door& door, std::vector<std::string> words) {
  cli::Options options("import", "[OPTIONS] TAR... NAME[:TAG]",
                       "Make an image of tar archives (plain, gzip, zstd, xz): each becomes one layer,\n"
                       "the first is the lowest. Prints the image's id.");
  image::ImportRequest request;
  options.value('c', "change", "INSTRUCTION",
                "of a Dockerfile: ENV, CMD, ENTRYPOINT, WORKDIR, USER, EXPOSE, VOLUME, LABEL or STOPSIGNAL",
                [&](const std::string& change) { request.changes.push_back(change); });
  if (!options.read(words)) return 0;
  if (words.size() < 2) {
    throw Error("read the command line", 0, "an archive and a name must be given; see coracle import --help");
  }
  request.name = image::parse_reference(words.back());
  request.archives.assign(words.begin(), words.end() - 1);

  const Signals signals;
  request.go_on = [&] { signals.throw_when_asked_to_end("import"); };
  engine::Engine engine(door.roots);
  cli::sweep(engine);
  const std::string id = image::import_image(engine.store, request);
  engine::tell(engine, "image", "import", id, {{"name", request.name.text()}});
  std::puts(id.c_str());
  return 0;
}

}  // namespace coracle::images
