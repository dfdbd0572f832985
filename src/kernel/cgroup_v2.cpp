// cgroup version 2: one directory for a group, whatever limits it has.
#include <linux/magic.h>
#include <poll.h>
#include <unistd.h>

#include "kernel/cgroup_backend.hpp"
#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

constexpr const char* kNoInternalProcesses =
    "a cgroup that hands out controllers to groups below must hold no processes itself (cgroups(7), \"no internal "
    "processes\" rule): move those listed in its cgroup.procs to a group of their own below it";

bool has_word(const std::string& text, const std::string& word) {
  return (" " + text.substr(0, text.find('\n')) + " ").find(" " + word + " ") != std::string::npos;
}

class CgroupV2 final : public Cgroup {
 public:
  CgroupV2(std::string mount, const std::string& name) : mount_(std::move(mount)), path_(mount_ + "/" + name) {}

  void create(const std::vector<std::string>& controllers) override {
    for (const std::string& controller : controllers) enable(controller);
    make_group(path_);
    directory_ = open(path_, O_PATH | O_DIRECTORY);
  }

  // memory.max counts memory alone, and what does not fit may go to swap, which has a limit of its own.
  void set_memory(std::int64_t bytes) override {
    write_file(path_ + "/memory.max", std::to_string(bytes));
    if (kernel::exists(path_ + "/memory.swap.max")) write_file(path_ + "/memory.swap.max", "0");
    // A container is one thing: when it runs out of memory, the kernel ends all of it and not any one process.
    write_file(path_ + "/memory.oom.group", "1");
  }

  void set_cpu(std::int64_t quota_us, std::int64_t period_us) override {
    write_file(path_ + "/cpu.max", fmt::format("{} {}", quota_us, period_us));
  }

  void set_cpuset(const std::string& cpus) override { write_file(path_ + "/cpuset.cpus", cpus); }
  void set_pids(std::int64_t most) override { write_file(path_ + "/pids.max", std::to_string(most)); }

  void set_io(const std::string& device, const std::string& key, std::uint64_t most) override {
    write_file(path_ + "/io.max", fmt::format("{} {}={}", device, key, most));
  }

  int directory() const override { return directory_.get(); }
  void enter() override {}  // born in it

  bool exists() const override { return kernel::exists(path_); }

  void freeze() override {
    write_file(path_ + "/cgroup.freeze", "1");
    await("frozen 1");
  }

  void thaw() override {
    write_file(path_ + "/cgroup.freeze", "0");
    await("frozen 0");
  }

  void remove() override {
    directory_.close();
    if (remove_group(path_)) return;
    write_file(path_ + "/cgroup.kill", "1");
    await("populated 0");
    if (!remove_group(path_)) throw Error("rmdir " + path_, EBUSY);
  }

  std::uint64_t memory_peak() const override { return read_counter(path_ + "/memory.peak"); }  // since Linux 5.19
  std::uint64_t cpu_usec() const override { return read_counter(path_ + "/cpu.stat", "usage_usec"); }
  std::uint64_t throttled_periods() const override { return read_counter(path_ + "/cpu.stat", "nr_throttled"); }
  std::uint64_t pids_refused() const override { return read_counter(path_ + "/pids.events", "max"); }
  std::uint64_t oom_kills() const override { return read_counter(path_ + "/memory.events", "oom_kill"); }

 private:
  // A group has the controllers that its parent enables for all groups below, in cgroup.subtree_control. Ours is
  // directly below the root, so this is the whole path down.
  void enable(const std::string& controller) const {
    if (has_word(read_file(mount_ + "/cgroup.subtree_control"), controller)) return;
    if (!has_word(read_file(mount_ + "/cgroup.controllers"), controller)) {
      throw missing_controller(controller, "in " + mount_ + "/cgroup.controllers");
    }
    try {
      write_file(mount_ + "/cgroup.subtree_control", "+" + controller);
    } catch (Error& error) {
      if (error.code() == EBUSY) error.with_hint(kNoInternalProcesses);
      throw;
    }
  }

  // cgroup.events says when it changes, as POLLPRI (cgroups(7), "cgroup.events").
  void await(const std::string& state) const {
    const Fd events = open(path_ + "/cgroup.events", O_RDONLY);
    while (true) {
      lseek(events.get(), 0, SEEK_SET);
      if (read_all(events).find(state) != std::string::npos) return;
      pollfd change{events.get(), POLLPRI, 0};
      const int changes = attempt([&] { return poll(&change, 1, kPatienceMs); }, "poll {}/cgroup.events", path_);
      if (changes == 0) throw Error(fmt::format("wait for \"{}\" in {}/cgroup.events", state, path_), ETIMEDOUT);
    }
  }

  std::string mount_;
  std::string path_;
  Fd directory_;
};

}  // namespace

std::unique_ptr<Cgroup> make_cgroup_v2(const std::string& mount, const std::string& name) {
  return std::make_unique<CgroupV2>(mount, name);
}

}  // namespace coracle::kernel
