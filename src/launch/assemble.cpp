#include "launch/assemble.hpp"

namespace coracle::launch {
parts::Parts assemble(const Spec& spec, parts::CgroupUsage* usage) {
  parts::Parts parts;
  parts.push_back(parts::make_namespaces(spec.namespaces));
  parts.push_back(parts::make_cgroup(spec.resources, spec.resources.memory.limit ? usage : nullptr));
  for (const parts::NetworkOptions& network : spec.networks) parts.push_back(parts::make_network(network));
  if (spec.pasta) parts.push_back(parts::make_pasta(*spec.pasta));
  parts.push_back(spec.rootfs.path.empty() ? parts::make_layers(spec.layers) : parts::make_rootfs(spec.rootfs));
  parts::MountOptions mounts = spec.mounts;
  mounts.console = spec.terminal.has_value();
  parts.push_back(parts::make_mounts(std::move(mounts)));
  if (!spec.volumes.volumes.empty()) parts.push_back(parts::make_volumes(spec.volumes));
  if (spec.terminal) parts.push_back(parts::make_terminal(*spec.terminal));
  parts.push_back(parts::make_root(spec.root));
  parts.push_back(parts::make_confine(spec.confine));
  return parts;
}

parts::Parts every_part() {
  parts::Parts parts;
  parts.push_back(parts::make_namespaces({}));
  parts.push_back(parts::make_cgroup({}));
  parts.push_back(parts::make_network({}));
  parts.push_back(parts::make_pasta({}));
  parts.push_back(parts::make_layers({}));
  parts.push_back(parts::make_rootfs({}));
  parts.push_back(parts::make_mounts({}));
  parts.push_back(parts::make_volumes({}));
  parts.push_back(parts::make_terminal({}));
  parts.push_back(parts::make_root({}));
  parts.push_back(parts::make_confine({}));
  return parts;
}

}  // namespace coracle::launch
