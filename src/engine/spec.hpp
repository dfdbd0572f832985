// What `run` was asked for, and the configuration of the image, become one Spec.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "image/config.hpp"
#include "image/manifest.hpp"
#include "launch/spec.hpp"

namespace coracle::engine {

enum class Network { bridge, none, host };

// A device of the host's for the container: --device.
struct HostDevice {
  std::string source, destination;  // absolute paths; a directory stands for all devices below it
  std::string access = "rwm";
};

// What the program may do: options that take walls away, or put more up.
struct Confinement {
  bool privileged = false;
  std::vector<std::string> cap_add, cap_drop;
  std::optional<parts::DockerProfile> seccomp = parts::DockerProfile{};  // none is unconfined
  bool no_new_privileges = false;
  bool system_paths = true;  // masked and read-only paths
  std::vector<std::string> group_add;
  std::vector<parts::Rlimit> ulimits;
  std::vector<parts::Sysctl> sysctls;
  std::vector<HostDevice> devices;
  std::optional<int> oom_score_adj;
};

// The options of `docker run`, as plain values.
struct RunOptions {
  std::string image;
  std::optional<image::Platform> platform;  // that the image must be for
  std::function<void()> bring_image;        // called when the image is not here; empty: then that is an error
  std::vector<std::string> command;         // empty: the image's
  std::string name;                         // empty: the id
  std::string hostname;                     // empty: the id
  std::vector<std::string> env;             // NAME=value; NAME alone takes the variable of the image away
  std::string working_dir;
  std::string user;
  std::optional<std::string> entrypoint;  // "" is none
  std::vector<parts::Volume> volumes;
  bool read_only = false;
  bool init = false;
  bool terminal = false;
  Network network = Network::bridge;
  std::vector<parts::PublishedPort> ports;
  parts::CgroupLimits limits;
  Confinement confinement;
};

// Where a container lives.
struct Place {
  std::string id;
  std::vector<std::string> layers;  // directories, the lowest first
  std::string directory;            // the container's own, in the data root
  std::string run_dir;              // its state while it runs
  std::string volumes_dir;          // of all named volumes
  std::string cache_dir;            // of compiled seccomp filters
};

// The files below /etc that a container on this network is given, from its run_dir; the bridge's own part gives others.
std::vector<const char*> name_files(Network network);

// As -e has it: NAME=value sets a variable, NAME alone takes it away.
void change_environment(std::vector<std::string>& env, const std::vector<std::string>& changes);

// Throws Error when they do not go together.
launch::Spec make_spec(const RunOptions& options, const image::Config& config, const Place& place);

}  // namespace coracle::engine
