// The limits in the files of cgroup version 1 (admin-guide/cgroup-v1/).
#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"
#include "parts/cgroup/resources.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;

void check_usage(const Knob& memory, const CgroupLimits::Memory& limits) {
  if (!limits.check_before_update || limits.limit.value_or(-1) < 0) return;
  const std::uint64_t usage = kernel::read_counter(memory.path("memory.usage_in_bytes"));
  if (usage <= static_cast<std::uint64_t>(*limits.limit)) return;
  throw Error(fmt::format("set linux.resources.memory.limit to {}", *limits.limit), EBUSY,
              fmt::format("{} bytes are in use, and checkBeforeUpdate is set", usage));
}

// memory.memsw counts memory and swap together. It must not be less than the limit of memory alone at any moment: when
// both grow it goes first. It is not there when the kernel does not account for swap.
void write_memory_and_swap(const Knob& memory, const CgroupLimits::Memory& limits) {
  const std::string file = "memory.memsw.limit_in_bytes";
  std::optional<std::int64_t> swap = limits.swap == 0 ? std::nullopt : limits.swap;
  if (!swap && limits.limit == -1 && memory.has(file)) swap = -1;
  if (swap == limits.limit && !memory.has(file)) swap.reset();
  const bool grows =
      swap && limits.limit &&
      (*swap < 0 || kernel::read_counter(memory.path("memory.limit_in_bytes")) < static_cast<std::uint64_t>(*swap));
  if (grows) memory.write("memory.swap", file, swap);
  memory.write("memory.limit", "memory.limit_in_bytes", limits.limit);
  if (!grows) memory.write("memory.swap", file, swap);
}

void write_memory(const Knob& memory, const CgroupLimits::Memory& limits) {
  check_usage(memory, limits);
  write_memory_and_swap(memory, limits);
  memory.write("memory.reservation", "memory.soft_limit_in_bytes", limits.reservation);
  memory.write("memory.kernelTCP", "memory.kmem.tcp.limit_in_bytes", limits.kernel_tcp);
  memory.write("memory.swappiness", "memory.swappiness", limits.swappiness);
  if (limits.disable_oom_killer) memory.write("memory.disableOOMKiller", "memory.oom_control", "1");
}

// A new period may be too short for the quota that stands, and the other way round: then in the other order.
void write_quota(const Knob& cpu, const CgroupLimits::Cpu& limits) {
  const auto write_period = [&] { cpu.write("cpu.period", "cpu.cfs_period_us", limits.period); };
  bool period_is_set = !limits.quota;
  if (!period_is_set) {
    try {
      write_period();
      period_is_set = true;
    } catch (const Error& error) {
      if (error.code() != EINVAL) throw;
    }
  } else {
    write_period();
  }
  cpu.write("cpu.quota", "cpu.cfs_quota_us", limits.quota);
  if (!period_is_set) write_period();
  cpu.write("cpu.burst", "cpu.cfs_burst_us", limits.burst);
}

void write_cpu(const Knob& cpu, const CgroupLimits::Cpu& limits) {
  cpu.write("cpu.realtimePeriod", "cpu.rt_period_us", limits.realtime_period);
  cpu.write("cpu.realtimeRuntime", "cpu.rt_runtime_us", limits.realtime_runtime);
  if (limits.shares.value_or(0) != 0) cpu.write("cpu.shares", "cpu.shares", limits.shares);
  write_quota(cpu, limits);
  cpu.write("cpu.idle", "cpu.idle", limits.idle);
}

void write_block_io(const Knob& blkio, const CgroupLimits::BlockIo& io) {
  const std::string weight = blkio.has("blkio.bfq.weight") ? "blkio.bfq.weight" : "blkio.weight";
  blkio.write("blockIO.weight", weight, io.weight);
  blkio.write("blockIO.leafWeight", "blkio.leaf_weight", io.leaf_weight);
  for (const auto& device : io.weight_device) {
    const auto write = [&](const char* field, const std::string& file, const std::optional<std::uint16_t>& value) {
      if (value) blkio.write(field, file, fmt::format("{}:{} {}", device.major, device.minor, *value));
    };
    write("blockIO.weightDevice.weight", weight + "_device", device.weight);
    write("blockIO.weightDevice.leafWeight", "blkio.leaf_weight_device", device.leaf_weight);
  }
  const auto throttle = [&](const char* field, const char* what,
                            const std::vector<CgroupLimits::BlockIo::Throttle>& all) {
    for (const auto& [major, minor, rate] : all) {
      blkio.write(field, fmt::format("blkio.throttle.{}_device", what), fmt::format("{}:{} {}", major, minor, rate));
    }
  };
  throttle("blockIO.throttleReadBpsDevice", "read_bps", io.throttle_read_bps);
  throttle("blockIO.throttleWriteBpsDevice", "write_bps", io.throttle_write_bps);
  throttle("blockIO.throttleReadIOPSDevice", "read_iops", io.throttle_read_iops);
  throttle("blockIO.throttleWriteIOPSDevice", "write_iops", io.throttle_write_iops);
}

}  // namespace

void write_limits_v1(const kernel::Cgroup& group, const CgroupLimits& limits) {
  write_memory({group, "memory"}, limits.memory);
  write_cpu({group, "cpu"}, limits.cpu);
  const Knob cpuset(group, "cpuset");
  if (!limits.cpu.cpus.empty()) cpuset.write("cpu.cpus", "cpuset.cpus", limits.cpu.cpus);
  if (!limits.cpu.mems.empty()) cpuset.write("cpu.mems", "cpuset.mems", limits.cpu.mems);
  if (limits.pids.value_or(0) != 0) {
    Knob(group, "pids").write("pids.limit", "pids.max", *limits.pids < 0 ? "max" : std::to_string(*limits.pids));
  }
  write_block_io({group, "io"}, limits.block_io);
  for (const auto& [size, limit] : limits.hugepages) {
    Knob(group, "hugetlb")
        .write("hugepageLimits", fmt::format("hugetlb.{}.limit_in_bytes", size), std::to_string(limit));
  }
  Knob(group, "net_cls").write("network.classID", "net_cls.classid", limits.network.class_id);
  for (const auto& [interface, priority] : limits.network.priorities) {
    Knob(group, "net_prio")
        .write("network.priorities", "net_prio.ifpriomap", fmt::format("{} {}", interface, priority));
  }
  write_rdma(group, limits.rdma);
}

}  // namespace coracle::parts
