// What both versions have in common: which controllers limits need, and how a file is written.
#include "parts/cgroup/resources.hpp"

#include <algorithm>
#include <set>

#include "kernel/cgroup_trees.hpp"
#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;

bool uses_memory(const CgroupLimits::Memory& memory) {
  return memory.limit || memory.reservation || memory.swap || memory.kernel_tcp || memory.swappiness ||
         memory.disable_oom_killer || memory.oom_group;
}

bool uses_cpu(const CgroupLimits::Cpu& cpu) {
  return cpu.shares || cpu.period || cpu.burst || cpu.quota || cpu.realtime_runtime || cpu.realtime_period || cpu.idle;
}

bool uses_block_io(const CgroupLimits::BlockIo& io) {
  return io.weight || io.leaf_weight || !io.weight_device.empty() || !io.throttle_read_bps.empty() ||
         !io.throttle_write_bps.empty() || !io.throttle_read_iops.empty() || !io.throttle_write_iops.empty();
}

// Where there is no tree of the controller devices, a cgroup2 beside the others can ask the program of version 2.
bool has_program_for_devices() {
  const kernel::CgroupTrees trees;
  return trees.mount_of("devices").empty() && !trees.mount_of("cgroup2").empty();
}

Error only_in(const char* field, int version) {
  return {fmt::format("set linux.resources.{}", field), 0,
          fmt::format("only cgroup version {} has it, and this host limits with version {}", version, 3 - version)};
}

}  // namespace

std::vector<std::string> controllers_for(const CgroupLimits& limits) {
  std::set<std::string> needed;
  if (uses_memory(limits.memory)) needed.insert("memory");
  if (!limits.cpu.cpus.empty() || !limits.cpu.mems.empty()) needed.insert("cpuset");
  if (limits.pids) needed.insert("pids");
  if (uses_block_io(limits.block_io)) needed.insert("io");
  if (!limits.hugepages.empty()) needed.insert("hugetlb");
  if (!limits.rdma.empty()) needed.insert("rdma");
  if (uses_cpu(limits.cpu)) needed.insert("cpu");
  if (kernel::CgroupTrees::unified()) {
    if (limits.network.class_id) throw only_in("network.classID", 1);
    if (!limits.network.priorities.empty()) throw only_in("network.priorities", 1);
    for (const auto& [file, value] : limits.unified) {
      if (file.find('/') != std::string::npos || file.starts_with('.')) {
        throw Error(fmt::format("set linux.resources.unified \"{}\"", file), 0,
                    "it has to be the name of a file of the group");
      }
      const std::string controller = file.substr(0, file.find('.'));
      if (controller != "cgroup") needed.insert(controller);
    }
  } else {
    if (limits.network.class_id) needed.insert("net_cls");
    if (!limits.network.priorities.empty()) needed.insert("net_prio");
    if (limits.devices && !has_program_for_devices()) needed.insert("devices");
    if (!limits.unified.empty()) throw only_in("unified", 2);
  }
  return {needed.begin(), needed.end()};
}

void write_limits(const kernel::Cgroup& group, const CgroupLimits& limits) {
  group.version() == 2 ? write_limits_v2(group, limits) : write_limits_v1(group, limits);
}

void write_rdma(const kernel::Cgroup& group, const std::vector<CgroupLimits::Rdma>& limits) {
  for (const CgroupLimits::Rdma& rdma : limits) {
    std::string value = rdma.device;
    if (rdma.hca_handles) value += fmt::format(" hca_handle={}", *rdma.hca_handles);
    if (rdma.hca_objects) value += fmt::format(" hca_object={}", *rdma.hca_objects);
    Knob(group, "rdma").write("rdma", "rdma.max", value);
  }
}

std::uint64_t weight_of_shares(std::uint64_t shares) {
  return shares < 2 ? 1 : 1 + ((std::min<std::uint64_t>(shares, 262'144) - 2) * 9999) / 262'142;
}

std::uint64_t weight_of_block_io(std::uint16_t weight) {
  return weight < 10 ? 1 : 1 + (static_cast<std::uint64_t>(weight) - 10) * 9999 / 990;
}

std::optional<std::int64_t> swap_alone(const CgroupLimits::Memory& memory) {
  if (!memory.swap) return memory.limit == -1 ? memory.limit : std::nullopt;  // as in version 1: no limit on both
  if (*memory.swap < 0) return -1;
  const auto refuse = [&](const char* why) {
    throw Error(fmt::format("set linux.resources.memory.swap to {}", *memory.swap), 0, why);
  };
  if (*memory.swap == 0) return std::nullopt;
  if (memory.limit.value_or(0) <= 0) refuse("it is memory and swap together, and needs memory.limit beside it");
  if (*memory.swap < *memory.limit) refuse("it is memory and swap together, and must not be less than memory.limit");
  return *memory.swap - *memory.limit;
}

std::string Knob::path(const std::string& file) const { return group_.directory_of(controller_) + "/" + file; }

bool Knob::has(const std::string& file) const { return kernel::exists(path(file)); }

void Knob::write(const char* field, const std::string& file, const std::string& value) const {
  try {
    if (group_.directory_of(controller_).empty()) {
      throw Error(fmt::format("use the controller {}", controller_), ENOENT, "the container is not in its tree");
    }
    kernel::write_file(path(file), value);
  } catch (const Error& error) {
    std::string hint = error.hint();
    if (error.code() == ENOENT) hint = "this kernel has no such limit";
    if (error.code() == ENODEV) hint = "it has to be a block device that is there, and a whole disk, no partition";
    throw Error(fmt::format("set linux.resources.{} to {}: {}", field, value, error.attempt()), error.code(), hint);
  }
}

}  // namespace coracle::parts
