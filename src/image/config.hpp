// The configuration of an image: what it was made for and how its program starts; image-spec config.md. Its JSON is
// the image: the digest of these bytes is the image's id.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace coracle::image {

struct History {
  std::string created;     // RFC 3339
  std::string created_by;  // the instruction
  std::string comment;
  bool empty_layer = false;
  std::string author;
};

// How docker finds out whether a container works; a field of docker's, not of image-spec.
struct Healthcheck {
  std::vector<std::string> test;  // {"NONE"}, {"CMD", ...} or {"CMD-SHELL", text}; empty: none was said
  std::int64_t interval = 0, timeout = 0, start_period = 0, start_interval = 0;  // nanoseconds; 0 is docker's default
  int retries = 0;
};

struct Config {
  std::string architecture;  // as Go names them: "amd64"
  std::string os = "linux";
  std::string created;  // RFC 3339
  std::string author;

  // config.config: how a container of the image is run.
  std::vector<std::string> env;  // NAME=value
  std::vector<std::string> cmd;
  std::vector<std::string> entrypoint;
  std::string working_dir;
  std::string user;
  std::vector<std::string> exposed_ports;  // "80/tcp"
  std::vector<std::string> volumes;        // "/data"
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  Healthcheck healthcheck;
  std::vector<std::string> on_build;  // instructions for whoever builds on this image
  std::vector<std::string> shell;     // of the shell forms; docker's

  std::vector<std::string> diff_ids;  // rootfs.diff_ids: the layers, the lowest first
  std::vector<History> history;
};

// Throws Error when the text is not an image configuration.
Config parse_config(std::string_view json);

std::string to_json(const Config& config);

// The architecture of this program, in the words of config.md (GOARCH).
std::string host_architecture();

// Sets NAME=value in a list of such entries; a later one takes the place of an earlier one.
void set_variable(std::vector<std::string>& env, const std::string& entry);

}  // namespace coracle::image
