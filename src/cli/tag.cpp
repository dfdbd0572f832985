// coracle tag: one more name for an image.
#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "engine/events.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {

using kernel::Error;

int tag(const Door& door, std::vector<std::string> words) {
  Options options("tag", "IMAGE NAME[:TAG]", "Give an image one more name. Another image that had it loses it.");
  if (!options.read(words)) return 0;
  if (words.size() != 2)
    throw Error("read the command line", 0, "an image and a name are needed; see coracle tag --help");
  return for_each({words[0]}, [&](const std::string& image) {
    const image::Reference name = image::parse_reference(words[1]);
    if (!name.digest.empty()) {
      throw Error("tag an image \"" + words[1] + "\"", 0, "a name with a digest cannot be given; its content has it");
    }
    engine::Engine engine(door.roots);
    const image::Image found = engine.store.find(image);
    engine.store.name(found.manifest, name);
    engine::tell(engine, "image", "tag", found.id, {{"name", name.text()}});
  });
}

}  // namespace coracle::cli
