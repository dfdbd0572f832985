#include "image/layout.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "image/digest.hpp"
#include "image/document.hpp"
#include "kernel/error.hpp"

namespace coracle::image {
namespace {

using kernel::Error;

constexpr int kMostIndexes = 8;  // inside each other

std::string blob_name(const std::string& digest) { return "blobs/sha256/" + hex_of(digest); }

// The document that a descriptor names, verified.
std::string document(const Files& files, const Descriptor& descriptor) {
  return read_document(bytes_of(files.get(blob_name(descriptor.digest))), descriptor);
}

// The manifest that the descriptor leads to, over indexes.
std::string manifest_behind(const Files& files, Descriptor descriptor, const Platform& platform) {
  for (int depth = 0; depth < kMostIndexes; ++depth) {
    std::string text = document(files, descriptor);
    if (!is_index(text)) return text;
    descriptor = choose(parse_index(text), platform);
  }
  throw Error("read the index " + descriptor.digest, 0,
              fmt::format("more than {} indexes lie inside each other", kMostIndexes));
}

// docker writes the tag alone into one annotation and the whole name into another. Who knows only the first, as umoci
// does, changes it and leaves the second as it was.
std::string name_of(const Descriptor& descriptor) {
  const bool whole = !descriptor.full_name.empty() && descriptor.full_name.ends_with(":" + descriptor.name);
  return whole || descriptor.name.empty() ? descriptor.full_name : descriptor.name;
}

// Any text may stand there (annotations.md); one that is no name of an image gives none.
std::vector<Reference> names_of(const Descriptor& descriptor) {
  try {
    const std::string text = name_of(descriptor);
    if (text.empty()) return {};
    Reference name = parse_reference(text);
    if (!name.digest.empty()) return {};
    return {std::move(name)};
  } catch (const Error&) {
    return {};
  }
}

// Several manifests under one name, or under none and each for another platform, are one image.
bool is_one_image(const std::vector<Descriptor>& group) {
  if (group.size() == 1 || !name_of(group[0]).empty()) return true;
  for (auto one = group.begin(); one != group.end(); ++one) {
    const auto same = [&](const Descriptor& other) { return other.platform == one->platform; };
    if (!one->platform || std::any_of(one + 1, group.end(), same)) return false;
  }
  return true;
}

}  // namespace

bool is_layout(const Files& files) { return files.find("oci-layout").has_value(); }

std::vector<Offered> read_layout(const Files& files, const std::optional<Platform>& platform) {
  const auto layout = parse_document("oci-layout", files.read("oci-layout"));
  const auto version = layout.find("imageLayoutVersion");
  if (version == layout.end() || *version != "1.0.0") throw Error("read oci-layout", 0, "its version is not 1.0.0");
  const Index index = parse_index(files.read("index.json"));
  const Platform wanted = platform.value_or(host_platform());
  std::map<std::string, std::vector<Descriptor>> groups;
  for (const Descriptor& descriptor : index.manifests) groups[name_of(descriptor)].push_back(descriptor);
  std::vector<Offered> images;
  std::size_t bytes = 0;
  for (const auto& [name, group] : groups) {
    std::vector<Descriptor> chosen = group;
    const bool by_platform = group.size() > 1 || (platform && group[0].platform);
    if (by_platform && is_one_image(group)) chosen = {choose({index.media_type, group}, wanted)};
    for (const Descriptor& descriptor : chosen) {
      images.push_back({manifest_behind(files, descriptor, wanted), names_of(descriptor), {}});
      bytes += images.back().manifest.size();
      if (images.size() > kMostImages || bytes > kMostManifests) {
        throw Error(
            "read index.json", 0,
            fmt::format("it has more than {} images, or {} MiB of manifests", kMostImages, kMostManifests >> 20U));
      }
    }
  }
  if (images.empty()) throw Error("read index.json", 0, "it has no image");
  return images;
}

parts::Bytes FileBlobs::open(const Descriptor& blob, std::uint64_t offset) {
  const auto elsewhere = offered_.elsewhere.find(blob.digest);
  const bool at_home = elsewhere == offered_.elsewhere.end();
  return bytes_of(files_.get(at_home ? blob_name(blob.digest) : elsewhere->second), offset);
}

}  // namespace coracle::image
