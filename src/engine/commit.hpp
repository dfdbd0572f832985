// An image of what a container has become: its image, and one layer with what it changed; docker commit.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "image/layer.hpp"

namespace coracle::engine {

struct CommitRequest {
  std::string container;  // a running one
  std::optional<image::Reference> name;
  std::string author, message;
  std::vector<std::string> changes;                                   // instructions, for image::apply_change()
  bool pause = true;                                                  // it stands still meanwhile
  std::function<parts::Bytes(parts::Bytes)> compress;                 // what a layer travels as
  std::function<void()> go_on = [] {};                                // called often; what it throws ends the work
  std::function<void(const std::string&)> warn = [](const auto&) {};  // of a container that could not be paused
};

// Gives the new image's id.
std::string commit(Engine& engine, const CommitRequest& request);

}  // namespace coracle::engine
