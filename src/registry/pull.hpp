// An image out of a registry, or one of its mirrors, into the store.
#pragma once

#include <functional>
#include <string>

#include "image/layer.hpp"
#include "image/reference.hpp"
#include "image/store.hpp"
#include "registry/retry.hpp"

namespace coracle::registry {

struct PullRequest {
  image::Reference name;  // with a digest, the tag counts for nothing
  image::Platform platform = image::host_platform();
  GoOn go_on = {};
  std::function<void(const image::Manifest&)> found = {};    // before its layers come
  image::Progress progress = {};                             // of the layers
  std::function<void(const image::Descriptor&)> taken = {};  // a layer is here; from several threads
};

struct Pulled {
  std::string id;
  std::string digest;  // of what the name stands for there: a manifest or an index
  bool newer = false;  // the name stood for another image here, or for none
};

// Throws Error, and then the store has no new image; layers that came whole, and beginnings of others, are kept for the
// next attempt.
Pulled pull(image::Store& store, const PullRequest& request);

}  // namespace coracle::registry
