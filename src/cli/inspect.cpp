// coracle inspect: images as JSON, with docker's fields; or a text with some of them, as --format asks.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "image/remove.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using Json = nlohmann::ordered_json;
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

// What stands between {{ and }}: "json PATH" or PATH, which is "." or ".Config.Env".
std::string evaluate(const Json& image, std::string action) {
  const auto trim = [&] {
    action.erase(0, action.find_first_not_of(' '));
    action.erase(action.find_last_not_of(' ') + 1);
  };
  const std::string whole = action;
  trim();
  const bool json = action.starts_with("json ");
  if (json) action.erase(0, sizeof "json");
  trim();
  if (action.empty() || action[0] != '.') {
    throw Error("read the format {{" + whole + "}}", 0, "write {{.NAME.NAME}} or {{json .NAME}}");
  }
  const Json* value = &image;
  for (std::size_t begin = 1; begin < action.size();) {
    const std::size_t end = std::min(action.find('.', begin), action.size());
    const auto field = value->is_object() ? value->find(action.substr(begin, end - begin)) : value->end();
    if (field == value->end()) throw Error("read the format {{" + whole + "}}", 0, "an image has no such field");
    value = &*field;
    begin = end + 1;
  }
  if (json || value->is_object() || value->is_null())
    return value->dump(-1, ' ', false, Json::error_handler_t::replace);
  if (value->is_string()) return value->get<std::string>();
  if (!value->is_array()) return value->dump();
  std::string list;  // as Go's templates print one
  for (const Json& item : *value)
    list += (list.empty() ? "" : " ") + (item.is_string() ? item.get<std::string>() : item.dump());
  return "[" + list + "]";
}

std::string fill(const std::string& format, const Json& image) {
  std::string text;
  for (std::size_t at = 0; at < format.size();) {
    const std::size_t begin = format.find("{{", at);
    if (begin == std::string::npos) return text + format.substr(at);
    const std::size_t end = format.find("}}", begin);
    if (end == std::string::npos) throw Error("read the format \"" + format + "\"", 0, "a {{ is not closed");
    text += format.substr(at, begin - at) + evaluate(image, format.substr(begin + 2, end - begin - 2));
    at = end + 2;
  }
  return text;
}

}  // namespace

int inspect(const Door& door, std::vector<std::string> words) {
  Options options("inspect", "[OPTIONS] IMAGE [IMAGE...]", "Tell all about images, as JSON");
  std::string format;
  std::string type;
  options.value('f', "format", "TEMPLATE", "A text in which {{.NAME.NAME}} and {{json .NAME}} are replaced", format);
  options.value(0, "type", "TYPE", "image, which is all there is", type);
  if (!options.read(words)) return 0;
  if (words.empty()) throw Error("read the command line", 0, "an image is missing; see coracle inspect --help");
  if (!type.empty() && type != "image") throw Error("inspect a " + type, 0, "only images can be inspected");
  engine::Engine engine(door.roots);
  Json all = Json::array();
  const int status = for_each(words, [&](const std::string& name) {
    all.push_back(describe(engine, name));
    if (!format.empty()) fmt::print("{}\n", fill(format, all.back()));
  });
  if (format.empty()) fmt::print("{}\n", all.dump(4, ' ', false, Json::error_handler_t::replace));
  return status;
}

}  // namespace coracle::cli
