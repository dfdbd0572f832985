// The limits in the files of cgroup version 2 (admin-guide/cgroup-v2.rst). The specification's words are those of
// version 1; the conversions are those of runc and crun.
#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"
#include "parts/cgroup/resources.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;

std::string number(std::int64_t value) { return value < 0 ? "max" : std::to_string(value); }

void check_usage(const Knob& memory, const CgroupLimits::Memory& limits) {
  if (!limits.check_before_update || limits.limit.value_or(-1) < 0) return;
  const std::uint64_t usage = kernel::read_counter(memory.path("memory.current"));
  if (usage <= static_cast<std::uint64_t>(*limits.limit)) return;
  throw Error(fmt::format("set linux.resources.memory.limit to {}", *limits.limit), EBUSY,
              fmt::format("{} bytes are in use, and checkBeforeUpdate is set", usage));
}

// Swappiness, kernelTCP and disableOOMKiller are of version 1 alone; as with runc they are taken and do nothing.
void write_memory(const Knob& memory, const CgroupLimits::Memory& limits) {
  check_usage(memory, limits);
  if (const auto swap = swap_alone(limits)) {
    const bool asks_for_swap = *swap > 0;  // what does not ask for any is kept where there is none
    if (asks_for_swap || memory.has("memory.swap.max")) memory.write("memory.swap", "memory.swap.max", number(*swap));
  }
  if (limits.limit) memory.write("memory.limit", "memory.max", number(*limits.limit));
  if (limits.reservation) memory.write("memory.reservation", "memory.low", number(*limits.reservation));
  if (limits.oom_group) memory.write("memory.oom_group", "memory.oom.group", "1");
}

void write_cpu(const Knob& cpu, const CgroupLimits::Cpu& limits) {
  if (limits.realtime_runtime.value_or(0) != 0 || limits.realtime_period.value_or(0) != 0) {
    throw Error("set linux.resources.cpu.realtimeRuntime and realtimePeriod", 0,
                "cgroup version 2 has no limits for real-time processes");
  }
  cpu.write("cpu.idle", "cpu.idle", limits.idle);
  if (limits.shares.value_or(0) != 0) {
    cpu.write("cpu.shares", "cpu.weight", std::to_string(weight_of_shares(*limits.shares)));
  }
  if (limits.quota || limits.period) {
    const std::int64_t quota = limits.quota.value_or(-1);
    cpu.write("cpu.quota", "cpu.max",
              fmt::format("{} {}", quota > 0 ? number(quota) : "max", limits.period.value_or(100'000)));
  }
  cpu.write("cpu.burst", "cpu.max.burst", limits.burst);
}

// BFQ, where it is in use, has weights of its own, with the numbers of version 1.
void write_weights(const Knob& io, const CgroupLimits::BlockIo& limits) {
  const bool bfq = io.has("io.bfq.weight");
  const char* file = bfq ? "io.bfq.weight" : "io.weight";
  const auto converted = [&](std::uint16_t weight) { return bfq ? weight : weight_of_block_io(weight); };
  if (limits.weight.value_or(0) != 0) io.write("blockIO.weight", file, std::to_string(converted(*limits.weight)));
  for (const auto& device : limits.weight_device) {
    if (device.weight.value_or(0) == 0) continue;
    io.write("blockIO.weightDevice.weight", file,
             fmt::format("{}:{} {}", device.major, device.minor, converted(*device.weight)));
  }
}

void write_block_io(const Knob& io, const CgroupLimits::BlockIo& limits) {
  write_weights(io, limits);
  const auto throttle = [&](const char* field, const char* key,
                            const std::vector<CgroupLimits::BlockIo::Throttle>& all) {
    for (const auto& [major, minor, rate] : all) {
      io.write(field, "io.max", fmt::format("{}:{} {}={}", major, minor, key, rate));
    }
  };
  throttle("blockIO.throttleReadBpsDevice", "rbps", limits.throttle_read_bps);
  throttle("blockIO.throttleWriteBpsDevice", "wbps", limits.throttle_write_bps);
  throttle("blockIO.throttleReadIOPSDevice", "riops", limits.throttle_read_iops);
  throttle("blockIO.throttleWriteIOPSDevice", "wiops", limits.throttle_write_iops);
}

// Written last and as they are: they win over what was converted.
void write_unified(const kernel::Cgroup& group, const CgroupLimits& limits) {
  for (const auto& [file, value] : limits.unified) {
    Knob(group, "cgroup2").write(("unified." + file).c_str(), file, value);
  }
}

}  // namespace

void write_limits_v2(const kernel::Cgroup& group, const CgroupLimits& limits) {
  write_memory({group, "memory"}, limits.memory);
  write_cpu({group, "cpu"}, limits.cpu);
  const Knob cpuset(group, "cpuset");
  if (!limits.cpu.cpus.empty()) cpuset.write("cpu.cpus", "cpuset.cpus", limits.cpu.cpus);
  if (!limits.cpu.mems.empty()) cpuset.write("cpu.mems", "cpuset.mems", limits.cpu.mems);
  if (limits.pids.value_or(0) != 0) Knob(group, "pids").write("pids.limit", "pids.max", number(*limits.pids));
  write_block_io({group, "io"}, limits.block_io);
  for (const auto& [size, limit] : limits.hugepages) {
    Knob(group, "hugetlb").write("hugepageLimits", fmt::format("hugetlb.{}.max", size), std::to_string(limit));
  }
  write_rdma(group, limits.rdma);
  write_unified(group, limits);
}

}  // namespace coracle::parts
