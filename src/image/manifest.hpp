// Manifests: what an image is made of; image-spec manifest.md and image-index.md, and Docker's schema 2, which has the
// same fields under other media types. Their bytes are what a digest names, so they are kept as they came.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "image/document.hpp"

namespace coracle::image {

inline constexpr const char* kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr const char* kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr const char* kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr const char* kOciLayer = "application/vnd.oci.image.layer.v1.tar";  // also with +gzip, +zstd
inline constexpr const char* kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr const char* kDockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr const char* kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr const char* kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar.gzip";

// What an image is for, in the words of config.md: "linux", "arm64", "v8".
struct Platform {
  std::string os, architecture, variant;

  // "linux/arm64/v8", as docker's --platform has it.
  std::string text() const;
  bool operator==(const Platform&) const = default;
};

// That of this program.
Platform host_platform();

// Throws Error for anything but OS/ARCHITECTURE[/VARIANT] or ARCHITECTURE.
Platform parse_platform(const std::string& text);

// Names a blob: descriptor.md.
struct Descriptor {
  std::string media_type;
  std::string digest;
  std::uint64_t size = 0;
  std::optional<Platform> platform;  // in an index
  std::string name;                  // the annotation org.opencontainers.image.ref.name, in the index of a layout
  std::string full_name;             // io.containerd.image.name, which docker writes there as well
};

struct Manifest {
  std::string media_type;  // kOciManifest or kDockerManifest
  Descriptor config;
  std::vector<Descriptor> layers;  // the lowest first
};

struct Index {
  std::string media_type;
  std::vector<Descriptor> manifests;
};

// Whether a document is an index and not a manifest: by what it has in it, since a media type may be missing.
bool is_index(std::string_view json);

// Throw Error when the text is not that, is longer than kMostDocument, or names something that cannot be run here
// (a layer that is not a tar, Docker's schema 1).
Manifest parse_manifest(std::string_view json);
Index parse_index(std::string_view json);

// The manifest for the platform: the same variant before none before another one. Throws Error with those there are.
const Descriptor& choose(const Index& index, const Platform& platform);

std::string to_json(const Manifest& manifest);
std::string to_json(const Index& index);

}  // namespace coracle::image
