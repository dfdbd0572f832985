// "linux.resources" of config.json (runtime-spec config-linux.md, "Control groups"), and of `update --resources`.
#include "oci/config_sections.hpp"

namespace coracle::oci {
namespace {

using parts::CgroupLimits;

// A field that is not there leaves what was there before.
template <typename Number>
void take(const Field& field, std::optional<Number>& target) {
  if (field) target = field.number<Number>();
}

void take(const Field& field, std::string& target) {
  if (field) target = field.text();
}

void read_memory(const Field& field, CgroupLimits::Memory& memory) {
  take(field["limit"], memory.limit);
  take(field["reservation"], memory.reservation);
  take(field["swap"], memory.swap);
  take(field["kernel"], memory.kernel);
  take(field["kernelTCP"], memory.kernel_tcp);
  take(field["swappiness"], memory.swappiness);
  memory.disable_oom_killer = field["disableOOMKiller"].flag(memory.disable_oom_killer);
  memory.check_before_update = field["checkBeforeUpdate"].flag(memory.check_before_update);
}

void read_cpu(const Field& field, CgroupLimits::Cpu& cpu) {
  take(field["shares"], cpu.shares);
  take(field["quota"], cpu.quota);
  take(field["burst"], cpu.burst);
  take(field["period"], cpu.period);
  take(field["realtimeRuntime"], cpu.realtime_runtime);
  take(field["realtimePeriod"], cpu.realtime_period);
  take(field["idle"], cpu.idle);
  take(field["cpus"], cpu.cpus);
  take(field["mems"], cpu.mems);
}

std::int64_t device_number(const Field& field) {
  const auto number = field.number<std::int64_t>();
  if (!number) field.refuse("it must be there");
  return *number;
}

void read_throttles(const Field& field, std::vector<CgroupLimits::BlockIo::Throttle>& throttles) {
  if (field) throttles.clear();
  field.each([&](const Field& entry) {
    throttles.push_back({device_number(entry["major"]), device_number(entry["minor"]),
                         entry["rate"].number<std::uint64_t>().value_or(0)});
  });
}

void read_block_io(const Field& field, CgroupLimits::BlockIo& io) {
  take(field["weight"], io.weight);
  take(field["leafWeight"], io.leaf_weight);
  field["weightDevice"].each([&](const Field& entry) {
    CgroupLimits::BlockIo::WeightDevice device{device_number(entry["major"]), device_number(entry["minor"]), {}, {}};
    take(entry["weight"], device.weight);
    take(entry["leafWeight"], device.leaf_weight);
    io.weight_device.push_back(device);
  });
  read_throttles(field["throttleReadBpsDevice"], io.throttle_read_bps);
  read_throttles(field["throttleWriteBpsDevice"], io.throttle_write_bps);
  read_throttles(field["throttleReadIOPSDevice"], io.throttle_read_iops);
  read_throttles(field["throttleWriteIOPSDevice"], io.throttle_write_iops);
}

parts::DeviceRule read_device_rule(const Field& field) {
  parts::DeviceRule rule;
  rule.allow = field["allow"].flag();
  const std::string type = field["type"].text("a");
  if (type != "a" && type != "b" && type != "c") field["type"].refuse("allowed are a, b and c");
  rule.type = type[0];
  // -1 is "any", as the cgroup tools of others write it.
  if (const auto major = field["major"].number<std::int64_t>(); major && *major >= 0) rule.major = major;
  if (const auto minor = field["minor"].number<std::int64_t>(); minor && *minor >= 0) rule.minor = minor;
  rule.access = field["access"].text("rwm");
  // "rwa" is seen in bundles; as with runc the letter adds nothing.
  if (rule.access.size() > 1) std::erase(rule.access, 'a');
  if (rule.access.empty() || rule.access.find_first_not_of("rwm") != std::string::npos)
    field["access"].refuse("allowed are r, w and m");
  return rule;
}

void read_network(const Field& field, CgroupLimits::Network& network) {
  take(field["classID"], network.class_id);
  field["priorities"].each([&](const Field& entry) {
    network.priorities.emplace_back(entry["name"].required_text(),
                                    entry["priority"].number<std::uint32_t>().value_or(0));
  });
}

}  // namespace

void read_resources(const Field& resources, CgroupLimits& limits) {
  read_memory(resources["memory"], limits.memory);
  read_cpu(resources["cpu"], limits.cpu);
  take(resources["pids"]["limit"], limits.pids);
  read_block_io(resources["blockIO"], limits.block_io);
  read_network(resources["network"], limits.network);
  resources["hugepageLimits"].each([&](const Field& entry) {
    limits.hugepages.push_back({entry["pageSize"].required_text(), entry["limit"].number<std::uint64_t>().value_or(0)});
  });
  resources["rdma"].each_member([&](const std::string& device, const Field& entry) {
    limits.rdma.push_back(
        {device, entry["hcaHandles"].number<std::uint32_t>(), entry["hcaObjects"].number<std::uint32_t>()});
  });
  resources["unified"].each_member(
      [&](const std::string& file, const Field& value) { limits.unified.emplace_back(file, value.text()); });
  if (!resources["devices"]) return;
  limits.devices.emplace();
  resources["devices"].each([&](const Field& rule) { limits.devices->push_back(read_device_rule(rule)); });
}

}  // namespace coracle::oci
