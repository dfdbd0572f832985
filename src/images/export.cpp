// coracle export: all files of a container as one tar, as docker export writes it.
#include <unistd.h>

#include "cli/options.hpp"
#include "engine/files.hpp"
#include "engine/overlay.hpp"
#include "image/beside.hpp"
#include "image/pack.hpp"
#include "images/images.hpp"
#include "images/signals.hpp"
#include "kernel/error.hpp"
#include "kernel/recorder.hpp"

namespace coracle::images {
namespace {

using kernel::Error;
using kernel::Fd;

// The layers, what the container changed as the highest of them, and nothing that it mounted.
void write_tar(engine::Engine& engine, const std::string& container, const image::Staging& staging, const Fd& out,
               const Signals& signals) {
  engine::ContainerFiles files = engine::find_files(engine, container);
  std::vector<std::string> layers = files.lower;
  layers.push_back(files.upper);
  engine::begin_own_mounts();
  const engine::Overlay merged(staging.path(), std::move(layers));
  const parts::Bytes tar = image::pack(kernel::open(merged.root(), O_RDONLY | O_DIRECTORY), {.overlay = false});
  std::vector<char> piece(256U << 10U);
  while (const std::size_t count = tar(piece.data(), piece.size())) {
    kernel::write_all(out, {piece.data(), count});
    signals.throw_when_asked_to_end("export");
  }
  engine::check_whole(files);
}

}  // namespace

int export_container(const cli::Door& door, std::vector<std::string> words) {
  cli::Options options("export", "[OPTIONS] CONTAINER", "Write all files of a container as a tar to stdout.");
  std::string file;
  options.value('o', "output", "FILE", "To a file", file);
  if (!options.read(words)) return 0;
  if (words.size() != 1) throw Error("read the command line", 0, "one container is needed; see coracle export --help");
  if (file.empty() && isatty(STDOUT_FILENO) == 1)
    throw Error("export to a terminal", 0, "it is a tar: give a file with -o, or send it on with | or >");

  const Signals signals;
  engine::Engine engine(door.roots);
  cli::sweep(engine);
  engine.store.staged([&](const image::Staging& staging) {
    image::write_whole(file, [&](const Fd& out) { write_tar(engine, words[0], staging, out, signals); });
  });
  return 0;
}

}  // namespace coracle::images
