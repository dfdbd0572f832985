// A Dockerfile and a context become an image: docker build. Every step that makes files is a layer; RUN goes through
// the launch, as confined as `coracle run`; a step that was made before is not made again (cache.hpp).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "build/patterns.hpp"
#include "engine/engine.hpp"
#include "engine/spec.hpp"
#include "image/reference.hpp"
#include "kernel/fd.hpp"
#include "parts/unpack/decoder.hpp"

namespace coracle::build {

struct Request {
  std::string dockerfile;                                   // its text
  std::string file_name = "Dockerfile";                     // for errors
  kernel::Fd context;                                       // a directory; none: COPY finds nothing
  Ignore ignore;                                            // what of it is left out
  std::vector<image::Reference> names;                      // of the image; none: it has an id alone
  std::vector<std::string> arguments;                       // NAME=value, of --build-arg
  std::vector<std::pair<std::string, std::string>> labels;  // further ones
  std::string target;                                       // a stage; "" is the last
  bool use_cache = true;
  bool pull = false;  // also images that are here
  engine::Network network = engine::Network::bridge;
  std::function<parts::Bytes(parts::Bytes)> compress;                // what layers travel as
  std::function<void(const image::Reference&)> fetch;                // brings an image that is not here, or throws
  std::function<void()> go_on = [] {};                               // called often; what it throws ends the build
  std::function<void(const std::string&)> say = [](const auto&) {};  // a line for whoever watches
  const sigset_t* program_mask = nullptr;                            // what programs get to hold back; none: as we
};

// Gives the image's id. Call engine::begin_own_mounts() before. Throws Error, with the line of the Dockerfile; steps
// that were complete are in the cache then.
std::string build(engine::Engine& engine, const Request& request);

}  // namespace coracle::build
