// config.json of a bundle: the runtime-spec's words (config.md, config-linux.md), read into what the launch takes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernel/tty.hpp"
#include "launch/spec.hpp"
#include "oci/hooks.hpp"
#include "oci/json.hpp"

namespace coracle::oci {

// "process", of config.json and of `exec --process`.
struct ProcessConfig {
  launch::Process process;
  parts::ConfineOptions confine;  // what of it belongs to a process
  bool terminal = false;
  kernel::WindowSize size;  // of the terminal, when it says
};

constexpr std::size_t kLargestConfig = 64U << 20U;  // bytes of a config.json

struct Config {
  std::string version;
  std::string bundle;  // absolute
  ProcessConfig process;
  launch::Spec spec;  // all but the process
  Hooks hooks;
  std::map<std::string, std::string> annotations;
};

// Reads the text of BUNDLE/config.json. `bundle` is absolute; relative paths in the text begin there. Throws Error with
// the field and the value that is wrong. Fields that nobody knows are left out, as the specification wants it.
Config read_config(const std::string& text, const std::string& bundle);

// Reads what `exec --process` is given: the object "process" alone.
ProcessConfig read_process(const Field& process);

// Makes `process` the one of the container: what belongs to a process in its confinement takes the place of what was
// there.
void take_process(Config& config, ProcessConfig process);

// "resources" of config.json, and of `update --resources`.
void read_resources(const Field& resources, parts::CgroupLimits& limits);

}  // namespace coracle::oci
