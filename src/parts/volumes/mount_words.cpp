// docker's --mount: fields with commas between them, key=value or key alone (docker/cli, opts/mount.go).
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "kernel/error.hpp"
#include "parts/volumes.hpp"
#include "parts/volumes/idmap.hpp"
#include "parts/volumes/words.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using Kind = Volume::Kind;

struct Field {
  std::string key, value;
  bool has_value;
};

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw Error("read --mount " + text, 0, why);
}

Field read_field(const std::string& text) {
  const std::size_t equals = text.find('=');
  Field field{text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1),
              equals != std::string::npos};
  if (field.key == "src") field.key = "source";
  if (field.key == "dst" || field.key == "destination") field.key = "target";
  if (field.key == "ro") field.key = "readonly";
  return field;
}

// Alone it is true; Go's strconv.ParseBool reads the rest.
bool is_true(const Field& field, const std::string& text) {
  static const std::set<std::string> yes = {"1", "t", "T", "true", "TRUE", "True"};
  static const std::set<std::string> no = {"0", "f", "F", "false", "FALSE", "False"};
  if (!field.has_value || yes.contains(field.value)) return true;
  if (!no.contains(field.value)) refuse(text, fmt::format("invalid value for {}: {}", field.key, field.value));
  return false;
}

Kind read_type(const std::string& word, const std::string& text) {
  if (word == "bind") return Kind::bind;
  if (word == "volume") return Kind::named;
  if (word == "tmpfs") return Kind::tmpfs;
  refuse(text, fmt::format("unsupported mount type '{}': the types are bind, volume and tmpfs", word));
}

// What is true of one type only.
void check_type(const Volume& volume, const std::string& key, const std::string& text) {
  const Kind kind = key.starts_with("bind-") ? Kind::bind : key.starts_with("volume-") ? Kind::named : Kind::tmpfs;
  const bool own = key.starts_with("bind-") || key.starts_with("volume-") || key.starts_with("tmpfs-");
  if (own && kind != volume.kind)
    refuse(text, fmt::format("cannot mix '{}-*' options with another mount type", key.substr(0, key.find('-'))));
  if (key == "idmap" && volume.kind == Kind::tmpfs) refuse(text, "files in memory need no idmap");
  if (key == "source" && volume.kind == Kind::tmpfs) refuse(text, "source must not be specified for a tmpfs");
}

void apply(Volume& volume, const Field& field, const std::string& text) {
  const std::string& key = field.key;
  check_type(volume, key, text);
  if (key == "readonly") {
    volume.readonly = is_true(field, text);
  } else if (key == "volume-nocopy") {
    volume.copy = !is_true(field, text);
  } else if (key == "idmap") {
    volume.idmap = field.has_value ? field.value : "owner";
    check_idmap(volume.idmap);
  } else if (!field.has_value) {
    refuse(text, fmt::format("invalid field '{}' must be a key=value pair", key));
  } else if (key == "source") {
    volume.source = volume.kind == Kind::bind ? absolute_path(field.value) : field.value;
  } else if (key == "target") {
    volume.destination = field.value;
  } else if (key == "bind-propagation") {
    if (!is_propagation(field.value)) refuse(text, "invalid propagation: " + field.value);
    volume.propagation = field.value;
  } else if (key == "tmpfs-size") {
    volume.size = parse_size(field.value);
  } else if (key == "tmpfs-mode") {
    volume.mode = parse_mode(field.value);
  } else if (key != "type" && key != "consistency") {
    refuse(text, fmt::format("unexpected key '{}' in '{}={}'", key, key, field.value));
  }
}

}  // namespace

Volume parse_mount(const std::string& text) {
  std::vector<Field> fields;
  for (const std::string& word : split(text, ',')) fields.push_back(read_field(word));
  Volume volume{.kind = Kind::named, .make_source = false};
  for (const Field& field : fields) {
    if (field.key == "type") volume.kind = read_type(field.value, text);
  }
  for (const Field& field : fields) apply(volume, field, text);
  if (volume.destination.empty()) refuse(text, "target is required");
  if (volume.kind == Kind::bind && volume.source.empty()) refuse(text, "source is required for a bind mount");
  if (volume.kind == Kind::tmpfs) volume.source = "tmpfs";
  volume.anonymous = volume.kind == Kind::named && volume.source.empty();
  Volume named = volume;
  if (volume.anonymous) named.source = "to-be-found";  // the engine gives it a name
  volume.destination = checked(std::move(named)).destination;
  return volume;
}

}  // namespace coracle::parts
