// What a group uses, out of the files of either version.
#include "kernel/recorder.hpp"
#include "parts/cgroup/resources.hpp"

namespace coracle::parts {
namespace {

using kernel::read_counter;

// The sum over all devices: version 2's lines are "8:0 rbytes=1 wbytes=2 ...", version 1's "8:0 Read 1".
std::uint64_t sum_of(const std::string& file, const std::string& key) {
  if (!kernel::exists(file)) return 0;
  const std::string text = kernel::read_file(file);
  std::uint64_t sum = 0;
  for (std::size_t at = text.find(key); at != std::string::npos; at = text.find(key, at + key.size())) {
    sum += std::strtoull(text.c_str() + at + key.size(), nullptr, 10);
  }
  return sum;
}

CgroupStatistics read_version_2(const Knob& group) {
  const auto read = [&](const char* file, const char* key = "") { return read_counter(group.path(file), key); };
  return {.memory_usage = read("memory.current"),
          .memory_limit = read("memory.max"),
          .memory_peak = read("memory.peak"),  // since Linux 5.19
          .memory_cache = read("memory.stat", "inactive_file"),
          .cpu_usec = read("cpu.stat", "usage_usec"),
          .cpu_user_usec = read("cpu.stat", "user_usec"),
          .cpu_system_usec = read("cpu.stat", "system_usec"),
          .periods = read("cpu.stat", "nr_periods"),
          .throttled_periods = read("cpu.stat", "nr_throttled"),
          .throttled_usec = read("cpu.stat", "throttled_usec"),
          .pids = read("pids.current"),
          .pids_limit = read("pids.max"),
          .pids_refused = read("pids.events", "max"),
          .bytes_read = sum_of(group.path("io.stat"), " rbytes="),
          .bytes_written = sum_of(group.path("io.stat"), " wbytes="),
          .oom_kills = read("memory.events", "oom_kill")};
}

// The time of version 1's controller in nanoseconds; where a version 2 stands beside, its own count.
void read_cpu_time(const kernel::Cgroup& group, CgroupStatistics& statistics) {
  const Knob unified(group, "cgroup2");
  const Knob cpuacct(group, "cpuacct");
  if (unified.has("cpu.stat")) {
    statistics.cpu_usec = read_counter(unified.path("cpu.stat"), "usage_usec");
    statistics.cpu_user_usec = read_counter(unified.path("cpu.stat"), "user_usec");
    statistics.cpu_system_usec = read_counter(unified.path("cpu.stat"), "system_usec");
  } else {
    statistics.cpu_usec = read_counter(cpuacct.path("cpuacct.usage")) / 1000;
    statistics.cpu_user_usec = read_counter(cpuacct.path("cpuacct.usage_user")) / 1000;
    statistics.cpu_system_usec = read_counter(cpuacct.path("cpuacct.usage_sys")) / 1000;
  }
}

CgroupStatistics read_version_1(const kernel::Cgroup& group) {
  const Knob memory(group, "memory"), cpu(group, "cpu"), pids(group, "pids"), io(group, "io");
  const std::string bytes = io.path("blkio.throttle.io_service_bytes_recursive");
  CgroupStatistics statistics = {
      .memory_usage = read_counter(memory.path("memory.usage_in_bytes")),
      .memory_limit = read_counter(memory.path("memory.limit_in_bytes")),
      .memory_peak = read_counter(memory.path("memory.max_usage_in_bytes")),
      .memory_cache = read_counter(memory.path("memory.stat"), "total_inactive_file"),
      .periods = read_counter(cpu.path("cpu.stat"), "nr_periods"),
      .throttled_periods = read_counter(cpu.path("cpu.stat"), "nr_throttled"),
      .throttled_usec = read_counter(cpu.path("cpu.stat"), "throttled_time") / 1000,
      .pids = read_counter(pids.path("pids.current")),
      .pids_limit = read_counter(pids.path("pids.max")),
      .pids_refused = read_counter(pids.path("pids.events"), "max"),
      .bytes_read = sum_of(bytes, " Read "),
      .bytes_written = sum_of(bytes, " Write "),
      .oom_kills = read_counter(memory.path("memory.oom_control"), "oom_kill"),
  };
  constexpr std::uint64_t kUnlimited = 1ULL << 62U;  // version 1 says so with the largest number of whole pages
  if (statistics.memory_limit > kUnlimited) statistics.memory_limit = 0;
  read_cpu_time(group, statistics);
  return statistics;
}

}  // namespace

CgroupStatistics read_statistics(const std::string& run_dir) {
  const auto group = find_group(run_dir);
  if (!group) throw kernel::Error("read the statistics of the container in " + run_dir, ENOENT, "it has no cgroup");
  return group->version() == 2 ? read_version_2({*group, "cgroup2"}) : read_version_1(*group);
}

}  // namespace coracle::parts
