// The part HostConfig of docker inspect: what a container was given of the host, as its options say.
#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "cli/describe.hpp"
#include "kernel/rlimit.hpp"
#include "parts/confine/masks.hpp"

namespace coracle::cli {
namespace {

using engine::Confinement;
using engine::RunOptions;
using parts::Volume;

Json list_or_null(const std::vector<std::string>& list) { return list.empty() ? Json() : Json(list); }

Json binds(const RunOptions& options) {
  Json binds = Json::array();
  for (const Volume& volume : options.volumes) {
    if (volume.kind != Volume::Kind::tmpfs)
      binds.push_back(volume.source + ":" + volume.destination + (volume.readonly ? ":ro" : ""));
  }
  return binds.empty() ? Json() : binds;
}

Json tmpfs(const RunOptions& options) {
  Json mounts = Json::object();
  for (const Volume& volume : options.volumes) {
    if (volume.kind == Volume::Kind::tmpfs)
      mounts[volume.destination] = volume.size == 0 ? "" : fmt::format("size={}", volume.size);
  }
  return mounts;
}

Json port_bindings(const RunOptions& options) {
  Json bindings = Json::object();
  for (const parts::PublishedPort& port : options.ports) {
    const std::string host = port.host_port == 0 ? "" : std::to_string(port.host_port);
    bindings[fmt::format("{}/{}", port.container_port, port.protocol)].push_back(
        {{"HostIp", port.host_address}, {"HostPort", host}});
  }
  return bindings;
}

Json log_config(const engine::LogOptions& log) {
  Json config = Json::object();
  if (log.max_size != 0) config["max-size"] = std::to_string(log.max_size);
  if (log.max_file != 1) config["max-file"] = std::to_string(log.max_file);
  return {{"Type", "json-file"}, {"Config", config}};
}

// "RLIMIT_NOFILE" is "nofile" there.
std::string ulimit_name(int resource) {
  std::string name = kernel::rlimit_name(resource).substr(sizeof "RLIMIT_" - 1);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

Json ulimits(const Confinement& chosen) {
  Json all = Json::array();
  for (const parts::Rlimit& limit : chosen.ulimits)
    all.push_back({{"Name", ulimit_name(limit.resource)},
                   {"Hard", static_cast<std::int64_t>(limit.hard)},  // -1 is no limit
                   {"Soft", static_cast<std::int64_t>(limit.soft)}});
  return all;
}

Json sysctls(const Confinement& chosen) {
  Json all = Json::object();
  for (const parts::Sysctl& sysctl : chosen.sysctls) all[sysctl.name] = sysctl.value;
  return all;
}

Json devices(const Confinement& chosen) {
  Json all = Json::array();
  for (const engine::HostDevice& device : chosen.devices) {
    all.push_back(
        {{"PathOnHost", device.source}, {"PathInContainer", device.destination}, {"CgroupPermissions", device.access}});
  }
  return all;
}

Json security(const Confinement& chosen) {
  std::vector<std::string> all;
  if (!chosen.seccomp) all.emplace_back("seccomp=unconfined");
  if (chosen.no_new_privileges) all.emplace_back("no-new-privileges");
  return list_or_null(all);
}

void add_limits(const parts::CgroupLimits& limits, Json& config) {
  constexpr std::int64_t kNanoCpusOfQuota = 10'000;  // a quota is of a period of 100,000 microseconds
  config["CpuShares"] = limits.cpu.shares.value_or(0);
  config["Memory"] = limits.memory.limit.value_or(0);
  config["NanoCpus"] = limits.cpu.quota.value_or(0) * kNanoCpusOfQuota;
  config["CgroupParent"] = "";
  config["CpuPeriod"] = 0;
  config["CpuQuota"] = 0;
  config["CpusetCpus"] = limits.cpu.cpus;
  config["CpusetMems"] = limits.cpu.mems;
  config["MemoryReservation"] = limits.memory.reservation.value_or(0);
  config["MemorySwap"] = limits.memory.swap.value_or(0);
  config["MemorySwappiness"] = limits.memory.swappiness ? Json(*limits.memory.swappiness) : Json();
  config["OomKillDisable"] = limits.memory.disable_oom_killer;
  config["PidsLimit"] = limits.pids ? Json(*limits.pids) : Json();
}

}  // namespace

Json describe_host_config(const ContainerView& container) {
  const RunOptions& options = container.options;
  const Confinement& chosen = options.confinement;
  Json config = {{"Binds", binds(options)},
                 {"ContainerIDFile", ""},
                 {"LogConfig", log_config(options.log)},
                 {"NetworkMode", network_mode(options)},
                 {"PortBindings", port_bindings(options)},
                 {"RestartPolicy", {{"Name", options.restart.name}, {"MaximumRetryCount", options.restart.most}}},
                 {"AutoRemove", options.remove},
                 {"CapAdd", list_or_null(chosen.cap_add)},
                 {"CapDrop", list_or_null(chosen.cap_drop)},
                 {"CgroupnsMode", "private"},
                 {"GroupAdd", list_or_null(chosen.group_add)},
                 {"IpcMode", "private"},
                 {"OomScoreAdj", chosen.oom_score_adj.value_or(0)},
                 {"PidMode", ""},
                 {"Privileged", chosen.privileged},
                 {"ReadonlyRootfs", options.read_only},
                 {"SecurityOpt", security(chosen)},
                 {"UTSMode", ""},
                 {"Runtime", "coracle"}};
  add_limits(options.limits, config);
  config["Devices"] = devices(chosen);
  config["Ulimits"] = ulimits(chosen);
  if (!chosen.sysctls.empty()) config["Sysctls"] = sysctls(chosen);
  if (const Json mounts = tmpfs(options); !mounts.empty()) config["Tmpfs"] = mounts;
  if (options.init) config["Init"] = true;
  const bool masked = chosen.system_paths && !chosen.privileged;
  config["MaskedPaths"] = masked ? Json(parts::docker_masked_paths()) : Json();
  config["ReadonlyPaths"] = masked ? Json(parts::docker_readonly_paths()) : Json();
  return config;
}

Json describe_mounts(const engine::Engine& engine, const ContainerView& container) {
  Json mounts = Json::array();
  for (const Volume& volume : container.options.volumes) {
    if (volume.kind == Volume::Kind::tmpfs) {
      mounts.push_back({{"Type", "tmpfs"}, {"Source", ""}, {"Destination", volume.destination}});
    } else if (volume.kind == Volume::Kind::bind) {
      mounts.push_back({{"Type", "bind"}, {"Source", volume.source}, {"Destination", volume.destination}});
    } else {
      mounts.push_back({{"Type", "volume"},
                        {"Name", volume.source},
                        {"Source", engine.volumes_dir() + "/" + volume.source + "/_data"},
                        {"Destination", volume.destination},
                        {"Driver", "local"}});
    }
    Json& mount = mounts.back();
    mount["Mode"] = volume.readonly ? "ro" : "";
    mount["RW"] = !volume.readonly;
    mount["Propagation"] = volume.kind == Volume::Kind::bind ? "rprivate" : "";
  }
  return mounts;
}

}  // namespace coracle::cli
