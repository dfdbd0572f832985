// What `run` was asked for, and the configuration of the image, become one Spec.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "image/config.hpp"
#include "launch/spec.hpp"

namespace coracle::engine {

enum class Network { bridge, none, host };

// The options of `docker run`, as plain values.
struct RunOptions {
  std::string image;
  std::vector<std::string> command;  // empty: the image's
  std::string name;                  // empty: the id
  std::string hostname;              // empty: the id
  std::vector<std::string> env;      // NAME=value; NAME alone takes the variable of the image away
  std::string working_dir;
  std::string user;
  std::optional<std::string> entrypoint;  // "" is none
  std::vector<parts::Volume> volumes;
  bool read_only = false;
  bool init = false;
  Network network = Network::bridge;
  std::vector<parts::PublishedPort> ports;
  parts::CgroupLimits limits;
};

// Where a container lives.
struct Place {
  std::string id;
  std::vector<std::string> layers;  // directories, the lowest first
  std::string directory;            // the container's own, in the data root
  std::string run_dir;              // its state while it runs
  std::string volumes_dir;          // of all named volumes
};

// The files below /etc that a container on this network is given, from its run_dir; the bridge's own part gives others.
std::vector<const char*> name_files(Network network);

// Throws Error when they do not go together.
launch::Spec make_spec(const RunOptions& options, const image::Config& config, const Place& place);

}  // namespace coracle::engine
