// coracle volume create.
#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "engine/events.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using engine::VolumeRecord;
using kernel::Error;

// NAME=VALUE; NAME alone has no value.
void add_word(VolumeRecord::Words& words, const std::string& text) {
  const std::size_t equals = text.find('=');
  words[text.substr(0, equals)] = equals == std::string::npos ? "" : text.substr(equals + 1);
}

}  // namespace

int volume_create(const Door& door, std::vector<std::string> words) {
  Options options("volume create", "[OPTIONS] [VOLUME]",
                  "Make a volume. Without a name it is given one. It is a directory, or what the options mount: "
                  "-o type=tmpfs -o device=tmpfs -o o=size=64m, -o type=nfs -o device=:/path -o o=addr=ADDRESS, "
                  "-o type=none -o device=/path -o o=bind.");
  VolumeRecord volume;
  std::string driver = "local";
  options.value('d', "driver", "DRIVER", "local, which is all there is", driver);
  options.value(0, "label", "NAME=VALUE", "A word about it, to find it by",
                [&](const std::string& text) { add_word(volume.labels, text); });
  options.value('o', "opt", "NAME=VALUE", "type, device and o, as mount(8) has them",
                [&](const std::string& text) { add_word(volume.options, text); });
  options.value(0, "name", "NAME", "As the word VOLUME", volume.name);
  if (!options.read(words)) return 0;
  if (words.size() + (volume.name.empty() ? 0 : 1) > 1)
    throw Error("read the command line", 0, "one name is enough; see coracle volume create --help");
  if (driver != "local") throw Error("create a volume", 0, "there is no driver " + driver + "; there is local");
  if (!words.empty()) volume.name = words[0];
  if (volume.name.empty()) {
    volume.name = engine::chance_volume_name();
    volume.labels[engine::kAnonymousLabel] = "";
  }
  return for_each({volume.name}, [&](const std::string& name) {
    engine::Engine engine(door.roots);
    const bool is_new = !engine.volumes.find(name);
    engine.volumes.create(volume);
    if (is_new) engine::tell(engine, "volume", "create", name, {{"driver", "local"}});
    fmt::print("{}\n", name);
  });
}

}  // namespace coracle::cli
