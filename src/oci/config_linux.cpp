// Namespaces, ids and devices of config.json (runtime-spec config-linux.md, "Namespaces", "User namespace mappings",
// "Devices").
#include <algorithm>

#include <fmt/format.h>
#include <linux/sched.h>

#include "oci/config_sections.hpp"

namespace coracle::oci {
namespace {

unsigned device_number(const Field& field) {
  const auto number = field.number<std::int64_t>();
  if (number && (*number < 0 || *number > 0xfffff)) field.refuse("a device number goes from 0 to 1048575");
  return static_cast<unsigned>(number.value_or(0));
}

parts::Device read_device(const Field& field) {
  parts::Device device;
  device.path = field["path"].required_text();
  while (device.path.size() > 1 && device.path.back() == '/') device.path.pop_back();
  if (device.path[0] != '/' || device.path.size() == 1) field["path"].refuse("it must be an absolute path");
  const std::string type = field["type"].required_text();
  if (type != "c" && type != "u" && type != "b" && type != "p") field["type"].refuse("allowed are c, u, b and p");
  device.type = type == "u" ? 'c' : type[0];
  device.major = device_number(field["major"]);
  device.minor = device_number(field["minor"]);
  device.mode = field["fileMode"].number<std::uint32_t>().value_or(0666) & 07777U;
  device.uid = field["uid"].number<std::uint32_t>().value_or(0);
  device.gid = field["gid"].number<std::uint32_t>().value_or(0);
  return device;
}

struct NamespaceType {
  const char* name;
  std::uint64_t flag;
  bool parts::NamespaceOptions::*own;
};

constexpr NamespaceType kNamespaces[] = {
    {"mount", CLONE_NEWNS, &parts::NamespaceOptions::mount},
    {"pid", CLONE_NEWPID, &parts::NamespaceOptions::pid},
    {"uts", CLONE_NEWUTS, &parts::NamespaceOptions::uts},
    {"ipc", CLONE_NEWIPC, &parts::NamespaceOptions::ipc},
    {"user", CLONE_NEWUSER, &parts::NamespaceOptions::user},
    {"network", CLONE_NEWNET, &parts::NamespaceOptions::network},
    {"time", CLONE_NEWTIME, &parts::NamespaceOptions::time},
    {"cgroup", CLONE_NEWCGROUP, &parts::NamespaceOptions::cgroup},
};

void add_namespace(const Field& field, parts::NamespaceOptions& options) {
  const std::string name = field["type"].required_text();
  const auto type = std::find_if(std::begin(kNamespaces), std::end(kNamespaces),
                                 [&](const NamespaceType& candidate) { return name == candidate.name; });
  if (type == std::end(kNamespaces))
    field["type"].refuse("allowed are mount, pid, uts, ipc, user, network, time and cgroup");
  const auto same = [&](const auto& existing) { return existing.flag == type->flag; };
  if (options.*(type->own) || std::any_of(options.existing.begin(), options.existing.end(), same))
    field["type"].refuse("this namespace is there twice");
  const std::string path = field["path"].text();
  if (path.empty()) {
    options.*(type->own) = true;
  } else if (path[0] != '/') {
    field["path"].refuse("it must be an absolute path");
  } else {
    options.existing.push_back({type->flag, path});
  }
}

bool has_namespace(const parts::NamespaceOptions& options, std::uint64_t flag) {
  return std::any_of(options.existing.begin(), options.existing.end(),
                     [&](const auto& existing) { return existing.flag == flag; });
}

// Only with a time namespace of the container's own: the offsets of an existing one stand since its first process.
void read_clock_offsets(const Field& offsets, parts::NamespaceOptions& options) {
  offsets.each_member([&](const std::string& clock, const Field& field) {
    if (clock != "monotonic" && clock != "boottime") field.refuse("the clocks are monotonic and boottime");
    if (!options.time) field.refuse("an offset needs a time namespace of the container's own");
    const auto nanoseconds = field["nanosecs"].number<std::uint32_t>().value_or(0);
    if (nanoseconds > 999'999'999) field["nanosecs"].refuse("it goes from 0 to 999999999");
    options.clock_offsets.push_back({clock, field["secs"].number<std::int64_t>().value_or(0), nanoseconds});
  });
}

}  // namespace

void read_namespaces(const Field& section, Config& config) {
  parts::NamespaceOptions& options = config.spec.namespaces;
  for (const NamespaceType& type : kNamespaces) options.*(type.own) = false;
  section["namespaces"].each([&](const Field& field) { add_namespace(field, options); });
  config.spec.rootfs.host_mounts = !options.mount && !has_namespace(options, CLONE_NEWNS);
  if (config.spec.rootfs.host_mounts && (options.user || has_namespace(options, CLONE_NEWUSER)))
    section["namespaces"].refuse("who is root in a user namespace alone mounts nothing without a mount namespace");
  read_clock_offsets(section["timeOffsets"], options);
  options.uid_mappings = read_id_mappings(section["uidMappings"]);
  options.gid_mappings = read_id_mappings(section["gidMappings"]);
  const bool mapped = !options.uid_mappings.empty() || !options.gid_mappings.empty();
  if (options.user && (options.uid_mappings.empty() || options.gid_mappings.empty()))
    section["uidMappings"].refuse("a user namespace of its own needs uidMappings and gidMappings");
  if (mapped && !options.user && !has_namespace(options, CLONE_NEWUSER))
    section["uidMappings"].refuse("mappings of ids need a user namespace");
}

std::vector<kernel::IdMapping> read_id_mappings(const Field& mappings) {
  std::vector<kernel::IdMapping> result;
  mappings.each([&](const Field& field) {
    const auto size = field["size"].number<std::uint32_t>();
    if (!size || *size == 0) field["size"].refuse("a mapping has one id at least");
    result.push_back({field["containerID"].number<std::uint32_t>().value_or(0),
                      field["hostID"].number<std::uint32_t>().value_or(0), *size});
  });
  return result;
}

// A device of the list takes the place of a default one with the same path.
void read_devices(const Field& devices, Config& config) {
  std::vector<parts::Device>& nodes = config.spec.mounts.devices;
  devices.each([&](const Field& field) {
    parts::Device device = read_device(field);
    std::erase_if(nodes, [&](const parts::Device& other) { return other.path == device.path; });
    nodes.push_back(std::move(device));
  });
}

}  // namespace coracle::oci
