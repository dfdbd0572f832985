// Archives of `docker save`: manifest.json is a list of {"Config", "RepoTags", "Layers"}, of which the first and the
// last name files in the archive. https://github.com/moby/docker-image-spec
#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "image/config.hpp"
#include "image/digest.hpp"
#include "image/document.hpp"
#include "image/layout.hpp"
#include "kernel/error.hpp"

namespace coracle::image {
namespace {

using Json = nlohmann::json;
using kernel::Error;

// The digest that a file's name says it has: "blobs/sha256/HEX", "HEX.json"; "" when it says none.
std::string promised_digest(const std::string& name) {
  std::string last = name.substr(name.rfind('/') + 1);
  if (last.ends_with(".json")) last.resize(last.size() - sizeof ".json" + 1);
  return is_digest("sha256:" + last) ? "sha256:" + last : "";
}

const char* media_suffix(parts::Compression compression) {
  if (compression == parts::Compression::gzip) return "+gzip";
  return compression == parts::Compression::zstd ? "+zstd" : "";
}

std::vector<Reference> read_names(const Json& image) {
  std::vector<Reference> names;
  const auto tags = image.find("RepoTags");
  if (tags == image.end() || tags->is_null()) return names;
  for (const Json& tag : *tags) {
    names.push_back(parse_reference(tag.get<std::string>()));
    if (!names.back().digest.empty()) {
      throw Error("read the image name \"" + tag.get<std::string>() + "\"", 0, "a digest cannot be given to an image");
    }
  }
  return names;
}

class Reader {
 public:
  Reader(const Files& files, const std::function<void()>& go_on) : files_(files), go_on_(go_on) {}

  Offered image(const Json& image) {
    Offered offered{.names = read_names(image)};
    const auto config_name = image.at("Config").get<std::string>();
    const auto layers = image.at("Layers").get<std::vector<std::string>>();
    Manifest manifest{.media_type = kOciManifest};
    const Config config = read_config(config_name, manifest.config);
    offered.elsewhere[manifest.config.digest] = config_name;
    if (config.diff_ids.size() != layers.size()) {
      throw Error("read " + config_name, 0,
                  fmt::format("it has {} layers, and manifest.json {}", config.diff_ids.size(), layers.size()));
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
      manifest.layers.push_back(layer(layers[i], config.diff_ids[i]));
      offered.elsewhere[manifest.layers.back().digest] = layers[i];
    }
    offered.manifest = to_json(manifest);
    return offered;
  }

 private:
  Config read_config(const std::string& name, Descriptor& descriptor) const {
    const std::string json = files_.read(name);
    descriptor = {.media_type = kOciConfig, .digest = sha256(json), .size = json.size()};
    const std::string promised = promised_digest(name);
    if (!promised.empty()) verify(name, promised, descriptor.digest);
    return parse_config(json);
  }

  // A plain tar is its own diff_id; that of anything else has to be computed, when its name does not say it. Whichever
  // it is, ingest() verifies it.
  Descriptor layer(const std::string& name, const std::string& diff_id) {
    const Extent file = files_.get(name);
    std::array<char, 8> start{};
    const std::size_t count = bytes_of(file)(start.data(), start.size());
    const parts::Compression compression = parts::compression_of({start.data(), count});
    std::string digest = promised_digest(name);
    if (compression == parts::Compression::none) {
      digest = diff_id;
    } else if (digest.empty()) {
      digest = digest_of(name, file);
    }
    return {.media_type = std::string(kOciLayer) + media_suffix(compression), .digest = digest, .size = file.size};
  }

  // Many images may share a layer.
  const std::string& digest_of(const std::string& name, const Extent& file) {
    std::string& digest = digests_[name];
    if (!digest.empty()) return digest;
    const parts::Bytes bytes = bytes_of(file);
    std::vector<char> buffer(1U << 20U);
    Sha256 hash;
    while (const std::size_t count = bytes(buffer.data(), buffer.size())) {
      go_on_();
      hash.update({buffer.data(), count});
    }
    return digest = hash.finish();
  }

  const Files& files_;
  const std::function<void()>& go_on_;
  std::map<std::string, std::string> digests_;
};

}  // namespace

std::vector<Offered> read_docker_archive(const Files& files, const std::function<void()>& go_on) {
  if (!files.find("manifest.json")) {
    const bool old = files.find("repositories").has_value();
    throw Error("find oci-layout or manifest.json", 0,
                old ? "docker before version 1.10 wrote this; load and save it with a newer one"
                    : "this is neither an OCI layout nor an archive of docker save");
  }
  try {
    const Json list = parse_json("manifest.json", files.read("manifest.json"));
    if (!list.is_array() || list.empty()) {
      throw Error("read manifest.json", 0, "it is no list of images; is this another program's directory?");
    }
    if (list.size() > kMostImages)
      throw Error("read manifest.json", 0, fmt::format("more than {} images", kMostImages));
    Reader reader(files, go_on);
    std::vector<Offered> images;
    for (const Json& image : list) images.push_back(reader.image(image));
    return images;
  } catch (const Json::exception& error) {
    throw Error("read manifest.json", 0, error.what());
  }
}

}  // namespace coracle::image
