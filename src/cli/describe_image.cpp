// An image in the fields of docker inspect.
#include "cli/describe.hpp"
#include "image/remove.hpp"

namespace coracle::cli {
namespace {

std::uint64_t size_of(engine::Engine& engine, const std::string& id) {
  image::Statement statement = engine.database.prepare("SELECT size FROM images WHERE id=?");
  return statement.bind(id).step() ? static_cast<std::uint64_t>(statement.number(0)) : 0;
}

}  // namespace

// The configuration is given as its author wrote it.
Json describe_image(engine::Engine& engine, const std::string& name) {
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

}  // namespace coracle::cli
