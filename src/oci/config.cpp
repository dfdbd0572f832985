#include "oci/config.hpp"

#include <charconv>

#include <fmt/format.h>

#include "oci/config_sections.hpp"

namespace coracle::oci {
namespace {

// The specification promises that all of 1.x can be read by whoever reads one of them (config.md, "Specification
// version").
std::string read_version(const Field& field) {
  const std::string version = field.required_text();
  int numbers[3] = {-1, -1, -1};
  const char* next = version.data();
  const char* const end = next + version.size();
  for (int& number : numbers) {
    next = std::from_chars(next, end, number).ptr;
    if (next < end && *next == '.') ++next;
  }
  const bool whole = next == end || *next == '-' || *next == '+';
  if (!whole || numbers[0] != 1 || numbers[1] < 0 || numbers[2] < 0)
    field.refuse("the versions 1.0.0 to 1.x of the runtime-spec are known");
  return version;
}

void read_root(const Field& root, Config& config) {
  if (!root) root.refuse("a container needs a root");
  const std::string path = root["path"].required_text();
  config.spec.rootfs.path = path[0] == '/' ? path : config.bundle + "/" + path;
  config.spec.root.readonly = root["readonly"].flag();
}

void read_propagation(const Field& field, Config& config) {
  const std::string word = field.text();
  config.spec.root.propagation = 0;
  config.spec.namespaces.propagation = MS_SLAVE;
  if (word.empty()) return;
  try {
    config.spec.root.propagation = parts::parse_propagation(word);
  } catch (const kernel::Error& error) {
    field.refuse(error.hint());
  }
  const std::uint64_t type = config.spec.root.propagation & ~std::uint64_t{MS_REC};
  if (type != MS_UNBINDABLE) config.spec.namespaces.propagation = type;  // else the root itself could not be bound
  config.spec.rootfs.shared = (config.spec.root.propagation & MS_SHARED) != 0;
}

// What can be asked for and is not here: better no container than one that lacks what its bundle counts on.
void refuse_unsupported(const Field& field) {
  if (!field["mountLabel"].text().empty()) field["mountLabel"].refuse("SELinux is not supported");
  if (field["intelRdt"]) field["intelRdt"].refuse("resctrl is not supported");
  if (field["personality"] && field["personality"]["domain"].text("LINUX") != "LINUX")
    field["personality"]["domain"].refuse("only LINUX is supported");
}

void read_linux(const Field& field, Config& config) {
  read_namespaces(field, config);
  read_propagation(field["rootfsPropagation"], config);
  read_devices(field["devices"], config);
  parts::ConfineOptions& confine = config.spec.confine;
  confine.masked_paths = field["maskedPaths"].texts();
  confine.readonly_paths = field["readonlyPaths"].texts();
  field["sysctl"].each_member([&](const std::string& name, const Field& value) {
    confine.sysctls.push_back(parts::Sysctl{name, value.text()});
  });
  read_seccomp(field["seccomp"], confine);
  config.spec.resources.path = field["cgroupsPath"].text();
  config.spec.resources.every_controller = true;
  read_resources(field["resources"], config.spec.resources);
  refuse_unsupported(field);
}

}  // namespace

void take_process(Config& config, ProcessConfig process) {
  config.process = std::move(process);
  parts::ConfineOptions& all = config.spec.confine;
  const parts::ConfineOptions& own = config.process.confine;
  all.capabilities = own.capabilities;
  all.no_new_privileges = own.no_new_privileges;
  all.rlimits = own.rlimits;
  all.oom_score_adj = own.oom_score_adj;
}

Config read_config(const std::string& text, const std::string& bundle) {
  const nlohmann::json document = parse_json(text, "config.json");
  const Field field(document, "config.json");
  Config config;
  config.bundle = bundle;
  config.version = read_version(field["ociVersion"]);
  read_root(field["root"], config);
  if (!field["process"]) field["process"].refuse("the program to run must be there");
  read_linux(field["linux"], config);
  take_process(config, read_process(field["process"]));
  config.spec.mounts.directory = config.process.process.cwd;  // as runc has it, also where the root is read-only
  config.spec.namespaces.hostname = field["hostname"].text();
  config.spec.namespaces.domainname = field["domainname"].text();
  read_mounts(field["mounts"], config);
  config.hooks = read_hooks(field["hooks"]);
  field["annotations"].each_member(
      [&](const std::string& name, const Field& value) { config.annotations[name] = value.text(); });
  return config;
}

}  // namespace coracle::oci
