// Control groups as the kernel shows them, as directories and files; cgroups(7), and in the kernel's documentation
// admin-guide/cgroup-v2.rst and admin-guide/cgroup-v1/. Version 2 is one tree with all controllers (cgroup_v2.cpp);
// version 1 is a tree for each controller, and on hybrid hosts a version 2 without controllers beside them
// (cgroup_v1.cpp). Here is what both can do, in the words of version 2.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace coracle::kernel {

// One group, directly below the root of each tree it is in. Everything goes by its name: a second object with the
// same name, in another process too, stands for the same group. All calls throw Error.
class Cgroup {
 public:
  virtual ~Cgroup() = default;

  // mkdir, in the trees of these controllers ("cpu", "cpuset", "io", "memory", "pids"), and in one at least, so that
  // the group can always be frozen, killed and counted.
  virtual void create(const std::vector<std::string>& controllers) = 0;

  virtual void set_memory(std::int64_t bytes) = 0;  // swap included
  virtual void set_cpu(std::int64_t quota_us, std::int64_t period_us) = 0;
  virtual void set_cpuset(const std::string& cpus) = 0;  // "0-2,4"
  virtual void set_pids(std::int64_t most) = 0;
  // `device` is "8:0"; `key` is rbps, wbps, riops or wiops: bytes or operations a second, read or written.
  virtual void set_io(const std::string& device, const std::string& key, std::uint64_t most) = 0;

  // The directory for clone3's CLONE_INTO_CGROUP, after create(); -1 where no tree is version 2.
  virtual int directory() const = 0;
  // Moves the calling process, which has one thread, into the trees where clone3 has not put it already.
  virtual void enter() = 0;

  virtual bool exists() const = 0;

  // Stop and continue all processes of the group; they return when it is so.
  virtual void freeze() = 0;
  virtual void thaw() = 0;

  // rmdir; what still runs in the group, and in groups made below it, is killed first. Nothing there is no error.
  virtual void remove() = 0;

  // Counted since create(); 0 where the kernel does not count it or the controller is not used.
  virtual std::uint64_t memory_peak() const = 0;  // bytes
  virtual std::uint64_t cpu_usec() const = 0;
  virtual std::uint64_t throttled_periods() const = 0;
  virtual std::uint64_t pids_refused() const = 0;  // forks that failed at the limit
  virtual std::uint64_t oom_kills() const = 0;
};

// The group `name` on this host, whether it exists yet or not.
std::unique_ptr<Cgroup> find_cgroup(const std::string& name);

}  // namespace coracle::kernel
