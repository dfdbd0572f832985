// The two forms in which images travel as files. An OCI layout (image-spec image-layout.md) has an index.json that
// leads over manifests to blobs, each named by its digest. The archive of `docker save` has a manifest.json that names
// configurations and layers as it likes; the manifests of its images are made here. Since version 25 docker writes
// archives that are both.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "image/files.hpp"
#include "image/ingest.hpp"
#include "image/manifest.hpp"
#include "image/reference.hpp"

namespace coracle::image {

// An image in a layout or an archive.
struct Offered {
  std::string manifest;                          // its bytes, verified
  std::vector<Reference> names;                  // none: it dangles
  std::map<std::string, std::string> elsewhere;  // blobs that lie at another place than blobs/sha256/HEX: digest, name
};

// No layout and no archive has more images, which are all read before the first is taken in; nor are their manifests
// longer, put together.
inline constexpr std::size_t kMostImages = 1000;
inline constexpr std::size_t kMostManifests = 64U << 20U;

bool is_layout(const Files& files);

// The images of an OCI layout. Of those that have one name, and of an index inside the index, the one for `platform`
// is taken; without one, the host's. Throws Error for what is no layout, is not what a digest says, or has no image
// for the platform.
std::vector<Offered> read_layout(const Files& files, const std::optional<Platform>& platform);

// The images of an archive of `docker save`. Throws Error for what is none, and for names that are none.
// `go_on` is called while layers are hashed.
std::vector<Offered> read_docker_archive(
    const Files& files, const std::function<void()>& go_on = [] {});

// The blobs of an image, for ingest().
class FileBlobs : public Source {
 public:
  FileBlobs(const Files& files, const Offered& offered) : files_(files), offered_(offered) {}
  parts::Bytes open(const Descriptor& blob, std::uint64_t offset) override;

 private:
  const Files& files_;
  const Offered& offered_;
};

}  // namespace coracle::image
