#include "engine/spec.hpp"

#include <algorithm>

#include <unistd.h>

#include "engine/devices.hpp"
#include "engine/network_spec.hpp"
#include "kernel/error.hpp"
#include "launch/rootless.hpp"
#include "parts/confine/masks.hpp"

namespace coracle::engine {
namespace {

using image::Config;
using kernel::Error;
using Words = std::vector<std::string>;

// As moby's merge() has it: an entry point of the user's own takes the image's command away with the image's own
// entry point, because the one was written for the other.
Words arguments(const RunOptions& options, const Config& config) {
  Words words;
  if (!options.entrypoint) {
    words = config.entrypoint;
  } else if (!options.entrypoint->empty()) {
    words = {*options.entrypoint};
  }
  const bool of_image = options.command.empty() && !options.entrypoint;
  const Words& rest = of_image ? config.cmd : options.command;
  words.insert(words.end(), rest.begin(), rest.end());
  if (words.empty()) {
    throw Error("run the image " + options.image, 0, "it names no command; give one behind its name");
  }
  return words;
}

void remove_variable(Words& env, const std::string& name) {
  const auto is_it = [&](const std::string& entry) { return entry.substr(0, entry.find('=')) == name; };
  env.erase(std::remove_if(env.begin(), env.end(), is_it), env.end());
}

Words environment(const RunOptions& options, const Config& config, const std::string& hostname) {
  Words env = {"HOSTNAME=" + hostname};
  if (options.terminal) env.emplace_back("TERM=xterm");
  for (const std::string& entry : config.env) image::set_variable(env, entry);
  change_environment(env, options.env);
  return env;
}

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

void set_confinement(launch::Spec& spec, const Confinement& chosen, const Place& place) {
  parts::ConfineOptions& confine = spec.confine;
  confine.cache_dir = place.cache_dir;
  confine.capabilities =
      chosen.privileged ? parts::all_capabilities() : parts::docker_capabilities(chosen.cap_add, chosen.cap_drop);
  if (chosen.seccomp && !chosen.privileged) confine.seccomp = *chosen.seccomp;
  if (chosen.system_paths && !chosen.privileged) {
    confine.masked_paths = parts::docker_masked_paths();
    confine.readonly_paths = parts::docker_readonly_paths();
  }
  confine.no_new_privileges = chosen.no_new_privileges;
  confine.rlimits = chosen.ulimits;
  confine.sysctls = chosen.sysctls;
  confine.oom_score_adj = chosen.oom_score_adj;
  spec.process.group_add = chosen.group_add;
}

// What --device gives can be opened as well as seen; --privileged gives all that there is.
void set_devices(launch::Spec& spec, const Confinement& chosen) {
  std::vector<parts::Device>& devices = spec.mounts.devices;
  std::vector<parts::DeviceRule> rules = parts::default_device_rules();
  for (const HostDevice& device : chosen.devices) {
    for (parts::Device& node : nodes_of(device)) {
      rules.push_back({true, node.type, node.major, node.minor, device.access});
      devices.push_back(std::move(node));
    }
  }
  if (!chosen.privileged) {
    spec.resources.devices = std::move(rules);
    return;
  }
  for (parts::Device& node : all_nodes()) devices.push_back(std::move(node));
  for (parts::Mount& mount : spec.mounts.mounts) {
    if (mount.type == "sysfs" || mount.type == "cgroup") std::erase(mount.options, "ro");
  }
}

}  // namespace

void change_environment(Words& env, const Words& changes) {
  for (const std::string& entry : changes) {
    if (entry.find('=') == std::string::npos) {
      remove_variable(env, entry);
    } else {
      image::set_variable(env, entry);
    }
  }
}

launch::Spec make_spec(const RunOptions& options, const Config& config, const Place& place) {
  const bool shared = options.network == Network::container && !place.shared_hostname.empty();
  const std::string own = options.network == Network::host ? host_name() : shared ? place.shared_hostname : place.id;
  const std::string hostname = options.hostname.empty() ? own : options.hostname;
  launch::Spec spec;
  spec.process.args = arguments(options, config);
  spec.process.env = environment(options, config, hostname);
  spec.process.cwd = !options.working_dir.empty() ? options.working_dir : config.working_dir;
  spec.process.user = !options.user.empty() ? options.user : config.user;
  spec.process.new_session = true;
  spec.process.init = options.init;
  spec.namespaces.hostname = hostname;
  spec.resources = options.limits;
  spec.resources.optional = launch::rootless();
  spec.layers = {.lower = place.layers, .scratch_dir = place.directory, .keep = !options.remove};
  set_network(spec, options, config, place, hostname);
  spec.volumes = {options.volumes, place.volumes_dir};
  spec.root.readonly = options.read_only;
  spec.root.propagation = 0;  // the part `namespaces` has made all private; a volume may be a slave of the host's since
  if (options.read_only) spec.mounts.directory = spec.process.cwd;
  set_confinement(spec, options.confinement, place);
  set_devices(spec, options.confinement);
  return spec;
}

}  // namespace coracle::engine
