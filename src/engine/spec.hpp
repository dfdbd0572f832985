// What `run` was asked for, and the configuration of the image, become one Spec.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/networks.hpp"
#include "image/config.hpp"
#include "image/manifest.hpp"
#include "launch/spec.hpp"

namespace coracle::engine {

// Where a container's network comes from: bridge is the networks it names, or the one called so when it names none.
enum class Network { bridge, none, host, container };

// A network that a container is to be on.
struct NetworkSettings {
  std::string name;                  // or id
  std::string address;               // IPv4; "" is any that is free
  std::vector<std::string> aliases;  // more names of the container there
};

// --add-host, --dns, --dns-search, --dns-option.
struct Naming {
  std::vector<std::string> hosts;  // "NAME:ADDRESS", "NAME:host-gateway"
  std::vector<std::string> dns, search, options;
};

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

// What happens when the program ends: --restart.
struct RestartPolicy {
  std::string name = "no";  // or "on-failure", "always", "unless-stopped"
  int most = 0;             // on-failure: so many times at most; 0 is no limit
};

// The log of a detached container: --log-opt.
struct LogOptions {
  std::int64_t max_size = 0;  // bytes of one file; 0 is no limit
  int max_file = 1;           // files there are, with the one that is written to
};

// The options of `docker run`, as plain values. They are kept as JSON (options_json.hpp).
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
  std::vector<parts::Volume> volumes;     // from resolve_volumes() on with those of the image and of others
  std::vector<std::string> volumes_from;  // CONTAINER[:ro]
  bool read_only = false;
  bool init = false;
  bool terminal = false;
  bool interactive = false;  // stdin stays open
  bool remove = false;       // when the program ends
  std::map<std::string, std::string> labels;
  std::string stop_signal;          // "" is the image's, or SIGTERM
  std::optional<int> stop_timeout;  // seconds; -1 is for ever
  RestartPolicy restart;
  LogOptions log;
  std::optional<image::Healthcheck> health;  // in place of the image's
  Network network = Network::bridge;
  std::string network_of;                 // container: whose network it shares
  std::vector<NetworkSettings> networks;  // bridge: in the order in which they were named
  Naming naming;
  std::vector<parts::PublishedPort> ports;
  bool publish_all = false;                  // what the image exposes, too, and:
  std::vector<parts::PublishedPort> expose;  // of the container alone
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
  // What find_networks() found (network_spec.hpp).
  std::string name = {};                                  // the container's, in its networks
  std::vector<NetworkRecord> networks = {};               // as the options name them
  std::shared_ptr<kernel::Fd> shared_network = {};        // of another container
  std::string shared_run_dir = {}, shared_hostname = {};  // of that one
};

// As -e has it: NAME=value sets a variable, NAME alone takes it away.
void change_environment(std::vector<std::string>& env, const std::vector<std::string>& changes);

// Throws Error when they do not go together.
launch::Spec make_spec(const RunOptions& options, const image::Config& config, const Place& place);

}  // namespace coracle::engine
