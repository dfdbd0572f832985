// An image out of the store into a registry: the very bytes that the store has, so that its digest stays what it is.
#pragma once

#include <functional>
#include <string>

#include "image/layer.hpp"
#include "image/reference.hpp"
#include "image/store.hpp"
#include "registry/retry.hpp"

namespace coracle::registry {

struct PushRequest {
  image::Reference name;
  GoOn go_on = {};
  std::function<void(const image::Manifest&)> found = {};  // before anything is sent
  image::Progress progress = {};                           // of the layers
  // What became of a layer: "Pushed", "Layer already exists", "Mounted from REPOSITORY". From several threads.
  std::function<void(const image::Descriptor&, const std::string& outcome)> done = {};
};

struct Pushed {
  std::string digest;    // of the manifest
  std::size_t size = 0;  // its bytes
};

// Throws Error when there is no such image here, or the registry does not take it.
Pushed push(image::Store& store, const PushRequest& request);

}  // namespace coracle::registry
