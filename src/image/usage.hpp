// What images take of the disk: their layers, unpacked and as they travel, and their documents.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "image/database.hpp"

namespace coracle::image {

struct Usage {
  std::uint64_t images = 0, used_images = 0;  // used: by a container
  std::uint64_t bytes = 0;
  std::uint64_t used_bytes = 0;  // of the images that are used
};
Usage usage(Database& database);

// Bytes of an image's layers that other images have as well.
std::uint64_t shared_bytes(Database& database, const std::string& id);

// Bytes of the unpacked layers, the lowest first.
std::vector<std::uint64_t> layer_sizes(Database& database, const std::vector<std::string>& diff_ids);

}  // namespace coracle::image
