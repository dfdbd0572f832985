// Part: cgroup. Limits on what the container may use, and the count of what it used; cgroups(7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "parts/part.hpp"

namespace coracle::parts {

// A rule for device files (runtime-spec config-linux.md, "Allowed Device list").
struct DeviceRule {
  bool allow = false;
  char type = 'a';                           // 'c' character, 'b' block, 'a' all devices there are
  std::optional<std::int64_t> major, minor;  // unset: any
  std::string access = "rwm";                // read, write, mknod
};

// The group and what it allows: linux.cgroupsPath and linux.resources in the words of the runtime-spec
// (config-linux.md, "Control groups"). What is unset is not written; -1 is "no limit" where the specification has it
// so.
struct CgroupLimits {
  struct Memory {                                          // bytes
    std::optional<std::int64_t> limit, reservation, swap;  // swap: memory and swap together
    std::optional<std::int64_t> kernel, kernel_tcp;        // the first is taken and ignored: no kernel has it any more
    std::optional<std::uint64_t> swappiness;
    bool disable_oom_killer = false;
    bool check_before_update = false;  // a limit below what is in use is refused
    bool oom_group = false;            // not of the specification: out of memory ends all processes at once (version 2)
  };
  struct Cpu {  // times in microseconds
    std::optional<std::uint64_t> shares, period, burst;
    std::optional<std::int64_t> quota;
    std::optional<std::int64_t> realtime_runtime;
    std::optional<std::uint64_t> realtime_period;
    std::optional<std::int64_t> idle;
    std::string cpus, mems;  // "0-2,4"; "" unset
  };
  struct BlockIo {
    struct WeightDevice {
      std::int64_t major = 0, minor = 0;
      std::optional<std::uint16_t> weight, leaf_weight;
    };
    struct Throttle {
      std::int64_t major = 0, minor = 0;
      std::uint64_t rate = 0;  // bytes or operations a second
    };
    std::optional<std::uint16_t> weight, leaf_weight;  // 10 to 1000
    std::vector<WeightDevice> weight_device;
    std::vector<Throttle> throttle_read_bps, throttle_write_bps, throttle_read_iops, throttle_write_iops;
  };
  struct HugepageLimit {
    std::string page_size;  // "2MB"
    std::uint64_t limit = 0;
  };
  struct Network {
    std::optional<std::uint32_t> class_id;
    std::vector<std::pair<std::string, std::uint32_t>> priorities;  // of each interface
  };
  struct Rdma {
    std::string device;
    std::optional<std::uint32_t> hca_handles, hca_objects;
  };

  Memory memory;
  Cpu cpu;
  std::optional<std::int64_t> pids;  // processes and threads
  BlockIo block_io;
  std::vector<HugepageLimit> hugepages;
  Network network;
  std::vector<Rdma> rdma;
  std::vector<std::pair<std::string, std::string>> unified;  // files of version 2 and what is written to them
  // Which devices may be used. Unset: all. Else none but those that rules allow, the last rule that fits deciding,
  // and the few that every program expects (those of standard_device_rules()).
  std::optional<std::vector<DeviceRule>> devices;

  // linux.cgroupsPath: from the root of each tree when it begins with "/", else below the group that we are in; in
  // version 2 beside it, because groups with limits stand only below one without processes. "": "/coracle-ID".
  std::string path;
  // Be in the trees of all controllers there are, with limits or not, as OCI runtimes are: others (podman stats,
  // containerd) look for the container there.
  bool every_controller = false;
  // Without root: no group is no error when no limit was asked for and the kernel refuses one; device rules are left
  // out, because a user namespace alone keeps from devices.
  bool optional = false;
};

// docker's rules for devices: /dev/console, and never /dev/fuse; and what every container is allowed in any case:
// null, zero, full, random, urandom, tty, ptmx, the terminals below /dev/pts; and to make (not open) any node.
std::vector<DeviceRule> default_device_rules();
std::vector<DeviceRule> standard_device_rules();

// What the container used, read when it has ended.
struct CgroupUsage {
  std::uint64_t memory_peak = 0;  // bytes; 0 where the kernel does not count it
  std::uint64_t cpu_usec = 0;
  std::uint64_t throttled_periods = 0;
  std::uint64_t pids_refused = 0;  // forks that failed at the limit
  bool oom_killed = false;
};

// Whether there is any limit, rules for devices aside.
bool has_limits(CgroupLimits limits);

// Whether an ordinary user may make a group for them where the process is: the one there is this user's own, delegated
// by systemd. Throws Error for a controller that is not there.
bool may_limit(CgroupLimits limits);

// How a user gets such a group, for the error and the warning that say it is missing.
constexpr const char* kDelegation =
    "systemd-run --user --scope -p Delegate=yes COMMAND gives it some (see coracle doctor)";

// `usage`, when given, is filled by release(). In join() the part moves the joining process to the container's group,
// which it finds through context.run_dir.
std::unique_ptr<Part> make_cgroup(CgroupLimits limits, CgroupUsage* usage = nullptr);

// The groups of a running container, by its run directory. They throw Error, with ENOENT when it has none.
void freeze_cgroup(const std::string& run_dir);  // stops all its processes, and returns when they stand
void thaw_cgroup(const std::string& run_dir);
bool is_frozen(const std::string& run_dir);
std::vector<pid_t> pids_in_cgroup(const std::string& run_dir);        // those in groups below it as well
void signal_cgroup(const std::string& run_dir, int signal);           // to all processes; SIGKILL leaves none
void update_cgroup(const std::string& run_dir, const CgroupLimits&);  // path and devices stay as they are

// What a running container uses and has used. 0 where nobody counts, or nothing is limited.
struct CgroupStatistics {
  std::uint64_t memory_usage = 0, memory_limit = 0, memory_peak = 0;  // bytes
  std::uint64_t memory_cache = 0;  // bytes of files that nobody has used for long: what memory_usage could lose at once
  std::uint64_t cpu_usec = 0, cpu_user_usec = 0, cpu_system_usec = 0;
  std::uint64_t periods = 0, throttled_periods = 0, throttled_usec = 0;
  std::uint64_t pids = 0, pids_limit = 0, pids_refused = 0;
  std::uint64_t bytes_read = 0, bytes_written = 0;  // of block devices
  std::uint64_t oom_kills = 0;
};
CgroupStatistics read_statistics(const std::string& run_dir);

// Read docker's --memory ("64m": bytes, or with b, k, m, g; no more swap than that), --cpus ("0.5": the quota in each
// period of 100 ms), --cpuset-cpus ("0-2,4"), --pids-limit ("100") and a block device's limits in one
// ("/dev/sda:rbps=1m,wiops=100"; added to `limits`). Throw Error with what was read and what this host allows.
CgroupLimits::Memory parse_memory(const std::string& text);
std::int64_t parse_cpus(const std::string& text);
std::string parse_cpuset(const std::string& text);
std::int64_t parse_pids(const std::string& text);
void parse_io(const std::string& text, CgroupLimits::BlockIo& limits);

}  // namespace coracle::parts
