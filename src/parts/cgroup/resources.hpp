// What each version of the kernel's files makes of CgroupLimits. For the part cgroup alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernel/cgroupfs.hpp"
#include "parts/cgroup.hpp"

namespace coracle::parts {

// The controllers that the limits need; throws Error for what this host's version has not got at all.
std::vector<std::string> controllers_for(const CgroupLimits& limits);

// The note in run_dir by which the group is found again; no group when there is none.
void leave_note(const std::string& run_dir, const kernel::Cgroup& group);
void take_note_back(const std::string& run_dir);
std::unique_ptr<kernel::Cgroup> find_group(const std::string& run_dir);

// Writes the limits (all but the devices) to the group's files. Throws Error that names the field.
void write_limits(const kernel::Cgroup& group, const CgroupLimits& limits);
void write_limits_v1(const kernel::Cgroup& group, const CgroupLimits& limits);
void write_limits_v2(const kernel::Cgroup& group, const CgroupLimits& limits);

void write_rdma(const kernel::Cgroup& group, const std::vector<CgroupLimits::Rdma>& limits);  // the same in both

// Writes the device rules: version 1's files or version 2's program.
void write_devices(const kernel::Cgroup& group, const std::vector<DeviceRule>& rules);

// Version 1's numbers as version 2 has them; as runc and crun have it. 1 to 10000 from 2 to 262144, from 10 to 1000.
std::uint64_t weight_of_shares(std::uint64_t shares);
std::uint64_t weight_of_block_io(std::uint16_t weight);
// Version 2 limits swap alone. nullopt: not to be written.
std::optional<std::int64_t> swap_alone(const CgroupLimits::Memory& memory);

// A file of a controller of the group, and what of the specification is written there.
class Knob {
 public:
  Knob(const kernel::Cgroup& group, std::string controller) : group_(group), controller_(std::move(controller)) {}

  bool has(const std::string& file) const;
  std::string path(const std::string& file) const;
  // Writes `value` for the field `field` of linux.resources ("memory.swap").
  void write(const char* field, const std::string& file, const std::string& value) const;

  template <typename Number>
  void write(const char* field, const std::string& file, const std::optional<Number>& value) const {
    if (value) write(field, file, std::to_string(*value));
  }

 private:
  const kernel::Cgroup& group_;
  std::string controller_;
};

}  // namespace coracle::parts
