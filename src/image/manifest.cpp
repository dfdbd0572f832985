#include "image/manifest.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "image/config.hpp"
#include "image/digest.hpp"
#include "image/document.hpp"
#include "kernel/error.hpp"

namespace coracle::image {
namespace {

using Json = nlohmann::json;
using kernel::Error;

constexpr const char* kRefName = "org.opencontainers.image.ref.name";
constexpr const char* kFullName = "io.containerd.image.name";

constexpr std::size_t kMostLayers = 500;  // that overlayfs stacks: OVL_MAX_STACK

Json parse_versioned(const char* what, std::string_view text) {
  Json json = parse_document(what, text);
  if (json.value("schemaVersion", Json(2)) != Json(2)) {
    throw Error(fmt::format("read {}", what), 0,
                "its schemaVersion is not 2; such old images must be pushed again with a newer tool");
  }
  return json;
}

// What one reader takes for an index and another for a manifest is neither (CVE-2021-41190).
void refuse_fields(const char* what, const Json& json, std::initializer_list<const char*> fields) {
  for (const char* field : fields) {
    if (json.contains(field))
      throw Error(fmt::format("read {}", what), 0, fmt::format("it has a field \"{}\" as well", field));
  }
}

// A value that may be missing; of another type it is an error.
std::string text_at(const Json& object, const char* name) {
  const auto field = object.find(name);
  return field == object.end() || field->is_null() ? "" : field->get<std::string>();
}

void check_type(const char* what, const std::string& type, std::initializer_list<std::string_view> allowed) {
  if (type.empty() || std::find(allowed.begin(), allowed.end(), type) != allowed.end()) return;
  throw Error(fmt::format("read {}", what), 0, "its mediaType is \"" + type + "\"");
}

Platform read_platform(const Json& json) {
  return {text_at(json, "os"), text_at(json, "architecture"), text_at(json, "variant")};
}

Descriptor read_descriptor(const Json& json) {
  Descriptor descriptor;
  descriptor.media_type = text_at(json, "mediaType");
  descriptor.digest = json.at("digest").get<std::string>();
  hex_of(descriptor.digest);
  const Json& size = json.at("size");
  if (!size.is_number_unsigned()) throw Error("read a descriptor", 0, "size is not a number of bytes: " + size.dump());
  descriptor.size = size.get<std::uint64_t>();
  if (const auto platform = json.find("platform"); platform != json.end() && platform->is_object()) {
    descriptor.platform = read_platform(*platform);
  }
  if (const auto notes = json.find("annotations"); notes != json.end() && notes->is_object()) {
    descriptor.name = text_at(*notes, kRefName);
    descriptor.full_name = text_at(*notes, kFullName);
  }
  return descriptor;
}

Json descriptor_json(const Descriptor& descriptor) {
  Json json = {{"mediaType", descriptor.media_type}, {"digest", descriptor.digest}, {"size", descriptor.size}};
  if (descriptor.platform) {
    json["platform"] = {{"os", descriptor.platform->os}, {"architecture", descriptor.platform->architecture}};
    if (!descriptor.platform->variant.empty()) json["platform"]["variant"] = descriptor.platform->variant;
  }
  if (!descriptor.name.empty()) json["annotations"][kRefName] = descriptor.name;
  if (!descriptor.full_name.empty()) json["annotations"][kFullName] = descriptor.full_name;
  return json;
}

void check_layer(const Descriptor& layer) {
  const std::string& type = layer.media_type;
  const bool tar = type.find(".tar") != std::string::npos && type.find("encrypted") == std::string::npos;
  if (!tar) throw Error("read the layer " + layer.digest, 0, "\"" + type + "\" is not a layer that can be unpacked");
}

template <typename Read>
auto reading(const char* what, Read read) {
  try {
    return read();
  } catch (const Json::exception& error) {
    throw Error(fmt::format("read {}", what), 0, error.what());
  }
}

}  // namespace

std::string Platform::text() const { return os + "/" + architecture + (variant.empty() ? "" : "/" + variant); }

Platform host_platform() { return {"linux", host_architecture(), ""}; }

Platform parse_platform(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t slash = std::min(text.find('/', begin), text.size());
    words.push_back(text.substr(begin, slash - begin));
    begin = slash + 1;
  }
  if (words.size() == 1) words.insert(words.begin(), "linux");
  if (words.size() == 2) words.emplace_back();
  if (words.size() != 3 || words[0].empty() || words[1].empty()) {
    throw Error("read the platform \"" + text + "\"", 0,
                "write OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT: linux/arm64");
  }
  if (words[1] == "x86_64") words[1] = "amd64";
  if (words[1] == "aarch64") words[1] = "arm64";
  return {words[0], words[1], words[2]};
}

bool is_index(std::string_view text) {
  const Json json = parse_versioned("an index or a manifest", text);
  return json.contains("manifests") && !json.contains("layers");
}

Manifest parse_manifest(std::string_view text) {
  return reading("a manifest", [&] {
    const Json json = parse_versioned("a manifest", text);
    refuse_fields("a manifest", json, {"manifests", "fsLayers"});
    Manifest manifest;
    manifest.media_type = text_at(json, "mediaType");
    check_type("a manifest", manifest.media_type, {kOciManifest, kDockerManifest});
    manifest.config = read_descriptor(json.at("config"));
    if (manifest.media_type.empty()) {
      manifest.media_type = manifest.config.media_type == kDockerConfig ? kDockerManifest : kOciManifest;
    }
    if (manifest.config.media_type != kOciConfig && manifest.config.media_type != kDockerConfig) {
      throw Error("read a manifest", 0,
                  "its config is \"" + manifest.config.media_type + "\": this is no image of a container");
    }
    if (json.at("layers").size() > kMostLayers) throw Error("read a manifest", 0, "it has more than 500 layers");
    for (const Json& layer : json.at("layers")) {
      manifest.layers.push_back(read_descriptor(layer));
      check_layer(manifest.layers.back());
    }
    return manifest;
  });
}

Index parse_index(std::string_view text) {
  return reading("an index", [&] {
    const Json json = parse_versioned("an index", text);
    refuse_fields("an index", json, {"config", "layers", "fsLayers"});
    Index index;
    index.media_type = text_at(json, "mediaType");
    check_type("an index", index.media_type, {kOciIndex, kDockerIndex});
    for (const Json& manifest : json.at("manifests")) index.manifests.push_back(read_descriptor(manifest));
    return index;
  });
}

const Descriptor& choose(const Index& index, const Platform& wanted) {
  const Descriptor* best = nullptr;
  int best_rank = 0;
  std::string there;
  for (const Descriptor& descriptor : index.manifests) {
    const Platform platform = descriptor.platform.value_or(Platform{});
    there += (there.empty() ? "" : ", ") + platform.text();
    if (platform.os != wanted.os || platform.architecture != wanted.architecture) continue;
    const int rank = platform.variant == wanted.variant ? 3
                     : platform.variant.empty()         ? 2
                     : wanted.variant.empty()           ? 1
                                                        : 0;
    if (rank > best_rank) {
      best = &descriptor;
      best_rank = rank;
    }
  }
  if (best != nullptr) return *best;
  if (index.manifests.size() == 1 && !index.manifests[0].platform) return index.manifests[0];
  throw Error("find the image for " + wanted.text(), 0, "there is one for: " + there + "; choose with --platform");
}

std::string to_json(const Manifest& manifest) {
  Json json = {{"schemaVersion", 2}, {"mediaType", manifest.media_type}, {"config", descriptor_json(manifest.config)}};
  json["layers"] = Json::array();
  for (const Descriptor& layer : manifest.layers) json["layers"].push_back(descriptor_json(layer));
  return json.dump();
}

std::string to_json(const Index& index) {
  Json json = {{"schemaVersion", 2}, {"mediaType", index.media_type}};
  json["manifests"] = Json::array();
  for (const Descriptor& manifest : index.manifests) json["manifests"].push_back(descriptor_json(manifest));
  return json.dump();
}

}  // namespace coracle::image
