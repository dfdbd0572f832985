// "mounts" of config.json (runtime-spec config.md, "Mounts").
#include <algorithm>

#include "oci/config_sections.hpp"

namespace coracle::oci {
namespace {

// An absolute path without ".", ".." and empty names, as the list is compared with /dev, /proc and /sys.
std::string clean(const std::string& path) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    begin = end + 1;
    if (name == ".." && !names.empty()) names.pop_back();
    if (!name.empty() && name != "." && name != "..") names.push_back(name);
  }
  std::string result;
  for (const std::string& name : names) result += "/" + name;
  return result.empty() ? "/" : result;
}

bool has_option(const parts::Mount& mount, const std::string& option) {
  return std::find(mount.options.begin(), mount.options.end(), option) != mount.options.end();
}

parts::Mount read_mount(const Field& field, const Config& config) {
  parts::Mount mount;
  // Version 1.0 allowed a path without "/" before it, and other runtimes still do.
  mount.destination = clean("/" + field["destination"].required_text());
  if (mount.destination == "/") field["destination"].refuse("it leads to / itself");
  mount.type = field["type"].text();
  mount.source = field["source"].text();
  mount.options = field["options"].texts();
  const bool bind = mount.type == "bind" || has_option(mount, "bind") || has_option(mount, "rbind");
  if (bind && !mount.source.empty() && mount.source[0] != '/') mount.source = config.bundle + "/" + mount.source;
  mount.uid_mappings = read_id_mappings(field["uidMappings"]);
  mount.gid_mappings = read_id_mappings(field["gidMappings"]);
  const bool mapped = !mount.uid_mappings.empty() || !mount.gid_mappings.empty();
  if (mapped && !has_option(mount, "idmap") && !has_option(mount, "ridmap")) mount.options.emplace_back("idmap");
  if (!mapped && (has_option(mount, "idmap") || has_option(mount, "ridmap"))) {
    mount.uid_mappings = config.spec.namespaces.uid_mappings;
    mount.gid_mappings = config.spec.namespaces.gid_mappings;
  }
  return mount;
}

}  // namespace

void read_mounts(const Field& mounts, Config& config) {
  config.spec.mounts.mounts.clear();
  mounts.each([&](const Field& field) {
    parts::Mount mount = read_mount(field, config);
    try {
      parts::check_mount(mount);
    } catch (const kernel::Error& error) {
      field.refuse(error.hint());
    }
    config.spec.mounts.mounts.push_back(std::move(mount));
  });
}

}  // namespace coracle::oci
