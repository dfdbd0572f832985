// coracle inspect: images as JSON, with docker's fields; or a text with some of them, as --format asks.
#include "cli/cli.hpp"
#include "cli/format.hpp"
#include "cli/options.hpp"
#include "image/remove.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

std::uint64_t size_of(engine::Engine& engine, const std::string& id) {
  image::Statement statement = engine.database.prepare("SELECT size FROM images WHERE id=?");
  return statement.bind(id).step() ? static_cast<std::uint64_t>(statement.number(0)) : 0;
}

// The configuration is given as its author wrote it.
Json describe(engine::Engine& engine, const std::string& name) {
  const image::Image image = engine.store.find(name);
  const image::Names names = image::names_of(engine.database, image.id);
  const Json config = Json::parse(engine.store.document(image.id));
  const auto text = [&](const char* field) { return config.value(field, Json("")); };
  Json described = {{"Id", image.id}, {"RepoTags", names.tags}, {"RepoDigests", names.digests}, {"Parent", ""}};
  described["Comment"] = image.config.history.empty() ? "" : image.config.history.back().comment;
  described["Created"] = text("created");
  described["Author"] = text("author");
  described["Config"] = config.value("config", Json::object());
  described["Architecture"] = text("architecture");
  if (config.contains("variant")) described["Variant"] = text("variant");
  described["Os"] = text("os");
  described["Size"] = size_of(engine, image.id);
  described["RootFS"] = {{"Type", "layers"}, {"Layers", image.config.diff_ids}};
  described["Metadata"] = {{"LastTagTime", "0001-01-01T00:00:00Z"}};  // not kept; docker's word for that
  return described;
}

}  // namespace

int inspect(const Door& door, std::vector<std::string> words) {
  Options options("inspect", "[OPTIONS] IMAGE [IMAGE...]", "Tell all about images, as JSON");
  std::string format;
  std::string type;
  options.value('f', "format", "TEMPLATE", kInspectFormat, format);
  options.value(0, "type", "TYPE", "image, which is all there is", type);
  if (!options.read(words)) return 0;
  if (words.empty()) throw Error("read the command line", 0, "an image is missing; see coracle inspect --help");
  if (!type.empty() && type != "image") throw Error("inspect a " + type, 0, "only images can be inspected");
  engine::Engine engine(door.roots);
  return print_inspected(words, format, [&](const std::string& name) { return describe(engine, name); });
}

}  // namespace coracle::cli
