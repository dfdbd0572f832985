// Part: cgroup. Limits on what the container may use, and the count of what it used; cgroups(7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "parts/part.hpp"

namespace coracle::parts {

struct CgroupLimits {
  std::optional<std::int64_t> memory;  // bytes; swap included (no more swap than memory)
  std::optional<double> cpus;          // processors' worth of time: 0.5
  std::string cpuset;                  // "0-2,4"
  std::optional<std::int64_t> pids;    // processes and threads
  struct Io {                          // bytes or operations a second on one block device; unset: no limit
    std::string device;                // "8:0"
    std::optional<std::uint64_t> rbps, wbps, riops, wiops;
  };
  std::vector<Io> io;
};

// What the container used, read when it has ended.
struct CgroupUsage {
  std::uint64_t memory_peak = 0;  // bytes; 0 where the kernel does not count it
  std::uint64_t cpu_usec = 0;
  std::uint64_t throttled_periods = 0;
  std::uint64_t pids_refused = 0;  // forks that failed at the limit
  bool oom_killed = false;
};

// `usage`, when given, is filled by release(). Throws what check_limits() throws.
std::unique_ptr<Part> make_cgroup(CgroupLimits limits, CgroupUsage* usage = nullptr);

// Stops and lets go on all processes of the container's cgroup.
void freeze_cgroup(const std::string& id);
void thaw_cgroup(const std::string& id);

// Throws Error for a limit that this host cannot keep: memory under 6m, more processors than there are, ...
void check_limits(const CgroupLimits& limits);

// Read docker's --memory ("64m": bytes, or with b, k, m, g), --cpus ("0.5"), --pids-limit ("100") and a block device's
// limits in one ("/dev/sda:rbps=1m,wiops=100"). Throw Error with what was read and what is allowed.
std::int64_t parse_memory(const std::string& text);
double parse_cpus(const std::string& text);
std::int64_t parse_pids(const std::string& text);
CgroupLimits::Io parse_io(const std::string& text);

}  // namespace coracle::parts
