// Containers as the commands that look at them see them: the record, what it was made with, and how it goes with it
// now.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/ports.hpp"
#include "engine/engine.hpp"
#include "engine/spec.hpp"

namespace coracle::cli {

struct ContainerView {
  engine::Record record;
  engine::RunOptions options;
  std::string state;   // docker's word: created running paused restarting removing exited dead
  std::string health;  // starting healthy unhealthy; "" where nobody looks
  std::string image;   // what it was made of, as its name is now: "redis", or the image's id when that is no longer it
  bool runs() const { return state == "running" || state == "paused" || state == "restarting"; }
};

// Reads what all of them have in common once.
class ContainerViewer {
 public:
  explicit ContainerViewer(engine::Engine& engine) : engine_(engine) {}

  ContainerView view(engine::Record record);

  // All of them, the latest first.
  std::vector<ContainerView> all();

  // Those that are published, and those that the image exposes, while it runs.
  std::vector<Port> ports(const ContainerView& container);

  // Throws Error when the image is not here any more, or damaged.
  const image::Config& config(const std::string& image);

  // The labels of the image with the container's own.
  std::map<std::string, std::string> labels(const ContainerView& container);

 private:
  const std::string& id_of(const std::string& name);

  engine::Engine& engine_;
  std::map<std::string, std::string> ids_;
  std::map<std::string, image::Config> configs_;
};

// "Up 5 minutes (healthy)", "Exited (0) 3 seconds ago".
std::string status_text(const ContainerView& container);

// The names of the networks it is on.
std::vector<std::string> networks_of(const engine::RunOptions& options);

// Docker's NetworkMode: "bridge", "container:web".
std::string network_mode(const engine::RunOptions& options);

// Whether what it sends is the host's.
bool shares_host_network(const engine::Record& record);

}  // namespace coracle::cli
