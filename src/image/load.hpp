// Images out of a file: OCI layouts, as a directory or a tar, and archives of `docker save`, known by what is in them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "image/manifest.hpp"
#include "image/reference.hpp"
#include "image/store.hpp"

namespace coracle::image {

struct Loaded {
  std::string id;
  std::vector<Reference> names;
};

struct LoadRequest {
  std::string path;  // of a directory, or a tar that is plain or compressed with gzip, zstd or xz; "" is stdin
  std::optional<Platform> platform;
  std::function<void(const Loaded&)> loaded = [](const Loaded&) {};  // called for each image that has come
  // Called often, also from other threads; what it throws ends the load.
  std::function<void()> go_on = [] {};
};

// When it throws, the images that were told of are in the store, and no other.
void load(Store& store, const LoadRequest& request);

}  // namespace coracle::image
