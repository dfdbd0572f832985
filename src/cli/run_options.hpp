// The options that `run` and `create` share.
#pragma once

#include <string>
#include <vector>

#include "cli/bring.hpp"
#include "cli/options.hpp"
#include "engine/spec.hpp"

namespace coracle::cli {

// What was said of a new container.
struct ContainerWords {
  engine::RunOptions options;
  std::string detach_keys;
  PullPolicy pull = PullPolicy::missing;
  std::string platform;
  std::string cidfile;
  bool no_healthcheck = false;
  std::vector<std::string> env_files, env;  // put into the options by take_image()
};

// Declares them. `words` outlives the reading.
void add_container_options(Options& options, ContainerWords& words);
void add_network_options(Options& options, engine::RunOptions& run);
void add_volume_options(Options& options, engine::RunOptions& run);
void add_lifecycle_options(Options& options, ContainerWords& words);
void add_limits(Options& options, parts::CgroupLimits& limits);

// What stands behind the options: the image, and then words that are all the command's. Throws Error for what does not
// go together.
void take_image(ContainerWords& words, std::vector<std::string> arguments, const std::string& command);

// docker's way with limits that the host cannot keep: it says so, and goes on without.
void leave_out_limits(engine::RunOptions& options);

// Writes the id into --cidfile's file, which must not be there.
void check_cidfile(const std::string& path);
void write_cidfile(const std::string& path, const std::string& id);

// Reads docker's --restart: "on-failure:3".
engine::RestartPolicy read_restart(const std::string& text);

}  // namespace coracle::cli
