// Names and images taken away, as docker rmi and docker image prune do: an image is there while it has a name, and
// after that until somebody removes it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "image/store.hpp"

namespace coracle::image {

// What was taken away, in the words of docker's output.
struct Removed {
  std::vector<std::string> untagged;  // "redis:latest", "redis@sha256:..."
  std::vector<std::string> deleted;   // ids of images, then diff_ids of layers that no other image has
  std::uint64_t bytes = 0;            // of layers
};

// What an image is called: names with a tag, then what registries call it.
struct Names {
  std::vector<std::string> tags;     // "redis:latest"
  std::vector<std::string> digests;  // "redis@sha256:..."
};
Names names_of(Database& database, const std::string& id);

// Takes the name away, and the image with its last one. By an id, the image with all its names. Throws Error when the
// image has several names and is called by its id, or a container uses it; `force` overrides the first, and takes a
// name away from an image that is used.
Removed remove(Store& store, const std::string& name, bool force);

// Removes what was gathered of images that nobody brings any more, and the images that have no tag, or with `all` those
// that no container uses; never one that is used, nor one that is not `chosen`.
Removed prune(Store& store, bool all, const std::function<bool(const std::string& id)>& chosen);

}  // namespace coracle::image
