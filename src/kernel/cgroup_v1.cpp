// cgroup version 1: a directory for a group in the tree of each controller. On hybrid hosts a cgroup2 without
// controllers is mounted as well: it can freeze, kill and count CPU time, so there the version 1 trees are used for
// limits alone. On hosts without it the controllers freezer and cpuacct stand in.
#include <algorithm>
#include <charconv>
#include <ctime>
#include <optional>
#include <utility>

#include <linux/magic.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/cgroup_backend.hpp"
#include "kernel/fd.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

// Gives every line of a text to `use`.
template <typename Use>
void for_each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    use(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// The mount point of the file system type "cgroup2", or of the cgroup tree that has the controller `what`; "" when
// there is none. A line is "ID PARENT DEVICE ROOT MOUNTPOINT OPTIONS ... - TYPE SOURCE CONTROLLERS" (proc(5)).
std::string find_mount(const std::string& mountinfo, const std::string& what) {
  std::string found;
  for_each_line(mountinfo, [&](std::string_view line) {
    const std::size_t type = line.find(" - cgroup");
    if (type == std::string_view::npos || !found.empty()) return;
    std::string words = fmt::format(",{},", line.substr(type + 3));
    std::replace(words.begin(), words.end(), ' ', ',');
    if (words.find("," + what + ",") == std::string::npos) return;
    std::size_t field = 0;
    for (int before = 0; before < 4; ++before) field = line.find(' ', field) + 1;
    found = line.substr(field, line.find(' ', field) - field);
  });
  return found;
}

// Kills the processes of a cgroup.procs file; gives those that were there.
std::vector<Fd> kill_listed(const std::string& file) {
  std::vector<Fd> killed;
  for_each_line(read_file(file), [&](std::string_view line) {
    pid_t pid = 0;
    std::from_chars(line.data(), line.data() + line.size(), pid);
    Fd pidfd(static_cast<int>(note_call([&] { return syscall(SYS_pidfd_open, pid, 0); }, "pidfd_open {}", pid)));
    if (!pidfd) return;  // it has ended
    send_signal(pidfd, SIGKILL);
    killed.push_back(std::move(pidfd));
  });
  return killed;
}

class CgroupV1 final : public Cgroup {
 public:
  explicit CgroupV1(std::string name) : name_(std::move(name)) {
    const std::string unified = mount_of("cgroup2", "/sys/fs/cgroup/unified", CGROUP2_SUPER_MAGIC);
    if (!unified.empty()) unified_ = make_cgroup_v2(unified, name_);
  }

  void create(const std::vector<std::string>& controllers) override {
    if (unified_) {
      unified_->create({});
    } else {
      create_in("freezer");
      create_in("cpuacct");
    }
    for (const std::string& controller : controllers) create_in(controller == "io" ? "blkio" : controller);
  }

  // memory.memsw counts memory and swap together; it is not there when the kernel does not account for swap.
  void set_memory(std::int64_t bytes) override {
    const std::string group = path_in("memory");
    write_file(group + "/memory.limit_in_bytes", std::to_string(bytes));
    const std::string with_swap = group + "/memory.memsw.limit_in_bytes";
    if (kernel::exists(with_swap)) write_file(with_swap, std::to_string(bytes));
  }

  void set_cpu(std::int64_t quota_us, std::int64_t period_us) override {
    write_file(path_in("cpu") + "/cpu.cfs_period_us", std::to_string(period_us));
    write_file(path_in("cpu") + "/cpu.cfs_quota_us", std::to_string(quota_us));
  }

  // A new group has no processors and no memory nodes at all, and takes no process without both
  // (admin-guide/cgroup-v1/cpusets.rst).
  void set_cpuset(const std::string& cpus) override {
    write_file(path_in("cpuset") + "/cpuset.mems", read_file(mount_of("cpuset") + "/cpuset.mems"));
    write_file(path_in("cpuset") + "/cpuset.cpus", cpus);
  }

  void set_pids(std::int64_t most) override { write_file(path_in("pids") + "/pids.max", std::to_string(most)); }

  void set_io(const std::string& device, const std::string& key, std::uint64_t most) override {
    const std::string direction = key[0] == 'r' ? "read" : "write";
    const std::string unit = key.substr(1) == "bps" ? "bps" : "iops";
    write_file(fmt::format("{}/blkio.throttle.{}_{}_device", path_in("blkio"), direction, unit),
               fmt::format("{} {}", device, most));
  }

  int directory() const override { return unified_ ? unified_->directory() : -1; }

  // "0" stands for the writing thread. To `tasks`, not to cgroup.procs: a whole process, or somebody else's, is moved
  // under a lock that costs 6 to 15 ms when nobody has taken it for a while (lessons/04-cgroups, "The code").
  void enter() override {
    for (const Group& group : groups_) {
      attempt([&] { return write(group.tasks.get(), "0", 1); }, "write 0 to {}/tasks", group.path);
    }
  }

  bool exists() const override { return unified_ ? unified_->exists() : kernel::exists(path_in("freezer")); }

  void freeze() override { unified_ ? unified_->freeze() : set_freezer("FROZEN"); }
  void thaw() override { unified_ ? unified_->thaw() : set_freezer("THAWED"); }

  void remove() override {
    groups_.clear();
    std::vector<std::string> controllers = {"memory", "cpu", "cpuset", "pids", "blkio"};
    if (unified_) {
      unified_->remove();
    } else {
      controllers.insert(controllers.end(), {"freezer", "cpuacct"});
    }
    for (const std::string& controller : controllers) {
      const std::string mount = mount_of(controller);
      const std::string path = mount + "/" + name_;
      if (mount.empty() || remove_group(path)) continue;
      kill_all(path);
      if (!remove_group(path)) throw Error("rmdir " + path, EBUSY);
    }
  }

  std::uint64_t memory_peak() const override { return read_counter(path_in("memory") + "/memory.max_usage_in_bytes"); }
  std::uint64_t cpu_usec() const override {
    return unified_ ? unified_->cpu_usec() : read_counter(path_in("cpuacct") + "/cpuacct.usage") / 1000;
  }
  std::uint64_t throttled_periods() const override {
    return read_counter(path_in("cpu") + "/cpu.stat", "nr_throttled");
  }
  std::uint64_t pids_refused() const override { return read_counter(path_in("pids") + "/pids.events", "max"); }
  std::uint64_t oom_kills() const override {
    return read_counter(path_in("memory") + "/memory.oom_control", "oom_kill");
  }

 private:
  struct Group {
    std::string path;
    dev_t tree;
    Fd tasks;  // opened by the parent, whose rights count when the child writes
  };

  void create_in(const std::string& controller) {
    const std::string mount = mount_of(controller);
    if (mount.empty()) throw missing_controller(controller, "mounted below /sys/fs/cgroup");
    struct stat tree {};
    attempt([&] { return stat(mount.c_str(), &tree); }, "stat {}", mount);
    for (const Group& group : groups_) {
      if (group.tree == tree.st_dev) return;  // two controllers in one tree, as cpu and cpuacct often are
    }
    const std::string path = mount + "/" + name_;
    make_group(path);
    groups_.push_back({path, tree.st_dev, open(path + "/tasks", O_WRONLY)});
  }

  std::string path_in(const std::string& controller) const { return mount_of(controller) + "/" + name_; }

  // The customary place first, since a host with many mounts has a long mountinfo. "" when it is not mounted.
  std::string mount_of(const std::string& controller) const {
    return mount_of(controller, "/sys/fs/cgroup/" + controller, CGROUP_SUPER_MAGIC);
  }

  std::string mount_of(const std::string& what, const std::string& customary, long magic) const {
    if (is_file_system(customary, magic)) return customary;
    if (!mountinfo_) mountinfo_ = read_file("/proc/self/mountinfo", 16U << 20U);
    return find_mount(*mountinfo_, what);
  }

  // FREEZING becomes FROZEN when the last process has stopped; no event tells when (freezer-subsystem.rst).
  void set_freezer(const std::string& state) const {
    const std::string file = path_in("freezer") + "/freezer.state";
    write_file(file, state);
    for (int waited_ms = 0; read_file(file) != state + "\n"; ++waited_ms) {
      if (waited_ms == kPatienceMs) throw Error(fmt::format("wait for {} in {}", state, file), ETIMEDOUT);
      const timespec millisecond{0, 1'000'000};
      nanosleep(&millisecond, nullptr);
    }
  }

  // Version 1 has no cgroup.kill: every process is killed, until there is none. Frozen processes do not fork meanwhile.
  void kill_all(const std::string& path) const {
    const std::string freezer = path_in("freezer") + "/freezer.state";
    const bool can_freeze = !unified_ && kernel::exists(freezer);
    std::vector<Fd> killed;
    do {
      if (can_freeze) write_file(freezer, "FROZEN");
      killed = kill_listed(path + "/cgroup.procs");
      if (can_freeze) write_file(freezer, "THAWED");
      for (const Fd& pidfd : killed) {
        pollfd end{pidfd.get(), POLLIN, 0};
        if (attempt([&] { return poll(&end, 1, kPatienceMs); }, "poll pidfd {}", pidfd.get()) == 0) {
          throw Error("wait for the end of a killed process in " + path, ETIMEDOUT);
        }
      }
    } while (!killed.empty());
  }

  std::string name_;
  std::unique_ptr<Cgroup> unified_;
  std::vector<Group> groups_;
  mutable std::optional<std::string> mountinfo_;
};

}  // namespace

std::unique_ptr<Cgroup> make_cgroup_v1(const std::string& name) { return std::make_unique<CgroupV1>(name); }

}  // namespace coracle::kernel
