#include "engine/options_json.hpp"

#include <optional>

#include <nlohmann/json.hpp>

#include "kernel/error.hpp"

namespace nlohmann {

template <typename T>
struct adl_serializer<std::optional<T>> {
  static void to_json(json& to, const std::optional<T>& from) { to = from ? json(*from) : json(); }
  static void from_json(const json& from, std::optional<T>& to) {
    to.reset();
    if (!from.is_null()) to = from.get<T>();
  }
};

}  // namespace nlohmann

// One line for each struct: what is not named here is not kept.
namespace coracle::parts {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(CgroupLimits::Memory, limit, reservation, swap, swappiness,
                                                disable_oom_killer, oom_group)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(CgroupLimits::Cpu, shares, period, burst, quota, cpus, mems)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(CgroupLimits, memory, cpu, pids)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(DockerProfile, json)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Rlimit, resource, soft, hard)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Sysctl, name, value)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(VolumeDevice, type, device, options)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Volume, kind, source, destination, readonly, size, mode, make_source,
                                                propagation, copy, anonymous, idmap, device)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(PublishedPort, host_address, host_port, last_host_port, container_port,
                                                protocol)

}  // namespace coracle::parts

namespace coracle::image {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Platform, os, architecture, variant)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Healthcheck, test, interval, timeout, start_period, start_interval,
                                                retries)

}  // namespace coracle::image

namespace coracle::engine {

NLOHMANN_JSON_SERIALIZE_ENUM(Network, {{Network::bridge, "bridge"},
                                       {Network::none, "none"},
                                       {Network::host, "host"},
                                       {Network::container, "container"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(NetworkSettings, name, address, aliases)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Naming, hosts, dns, search, options)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(HostDevice, source, destination, access)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Confinement, privileged, cap_add, cap_drop, seccomp, no_new_privileges,
                                                system_paths, group_add, ulimits, sysctls, devices, oom_score_adj)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RestartPolicy, name, most)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(LogOptions, max_size, max_file)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RunOptions, image, platform, command, name, hostname, env, working_dir,
                                                user, entrypoint, volumes, volumes_from, read_only, init, terminal,
                                                interactive, remove, labels, stop_signal, stop_timeout, restart, log,
                                                health, network, network_of, networks, naming, ports, publish_all,
                                                expose, limits, confinement)

std::string to_json(const RunOptions& options) {
  return nlohmann::json(options).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

RunOptions parse_options(const std::string& json) {
  try {
    return nlohmann::json::parse(json).get<RunOptions>();
  } catch (const nlohmann::json::exception& error) {
    throw kernel::Error("read the options of a container", 0, std::string("its record is damaged: ") + error.what());
  }
}

}  // namespace coracle::engine
