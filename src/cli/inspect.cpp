// coracle inspect: containers, images, networks and volumes as JSON, with docker's fields; or as --format asks.
#include <algorithm>

#include "cli/cli.hpp"
#include "cli/describe.hpp"
#include "cli/format.hpp"
#include "cli/options.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

struct Kind {
  const char* name;
  Json (*describe)(engine::Engine& engine, const std::string& name, bool sizes);
};

// In the order in which docker looks for a name.
constexpr Kind kKinds[] = {
    {"container", describe_container},
    {"image", [](engine::Engine& engine, const std::string& name, bool) { return describe_image(engine, name); }},
    {"network", [](engine::Engine& engine, const std::string& name, bool) { return describe_network(engine, name); }},
    {"volume", [](engine::Engine& engine, const std::string& name, bool) { return describe_volume(engine, name); }},
};

Json describe(engine::Engine& engine, const std::string& type, const std::string& name, bool sizes) {
  for (const Kind& kind : kKinds) {
    if (type == kind.name) return kind.describe(engine, name, sizes);
    if (!type.empty()) continue;
    try {
      return kind.describe(engine, name, sizes);
    } catch (const Error&) {
      // It may be of another kind.
    }
  }
  throw Error("inspect " + name, 0, "there is no such container, image, network or volume here");
}

}  // namespace

int inspect(const Door& door, std::vector<std::string> words) {
  Options options("inspect", "[OPTIONS] NAME|ID [NAME|ID...]",
                  "Tell all about containers, images, networks and volumes, as JSON");
  std::string format;
  std::string type;
  bool sizes = false;
  options.value('f', "format", "TEMPLATE", kInspectFormat, format);
  options.flag('s', "size", "How much containers have written as well", sizes);
  options.value(0, "type", "TYPE", "container, image, network, volume: one kind alone", type);
  if (!options.read(words)) return 0;
  if (words.empty()) throw Error("read the command line", 0, "a name is missing; see coracle inspect --help");
  const bool known = type.empty() || std::any_of(std::begin(kKinds), std::end(kKinds),
                                                 [&](const Kind& kind) { return type == kind.name; });
  if (!known) throw Error("inspect a " + type, 0, "the types are container, image, network and volume").with_status(1);
  engine::Engine engine(door.roots);
  sweep(engine);
  return print_inspected(words, format, [&](const std::string& name) { return describe(engine, type, name, sizes); });
}

}  // namespace coracle::cli
