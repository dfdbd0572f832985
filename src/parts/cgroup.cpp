#include "parts/cgroup.hpp"

#include <cmath>

#include "kernel/cgroupfs.hpp"
#include "kernel/recorder.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;

// The period that docker and the kernel take when nobody says another: 100 ms.
constexpr std::int64_t kPeriodUsec = 100'000;

std::string group_name(const std::string& id) { return "coracle-" + id; }

class CgroupPart final : public Part {
 public:
  CgroupPart(CgroupLimits limits, CgroupUsage* usage) : limits_(std::move(limits)), usage_(usage) {
    check_limits(limits_);
  }

  Stage stage() const override { return Stage::cgroup; }
  const char* name() const override { return "cgroup"; }

  void prepare(Context& context) override {
    group_ = kernel::find_cgroup(group_name(context.id));
    group_->create(controllers());
    set_limits();
    context.cgroup_fd = group_->directory();
  }

  void enter(Context&) override { group_->enter(); }

  std::string release(Context& context) noexcept override {
    try {
      const auto group = kernel::find_cgroup(group_name(context.id));
      if (usage_ != nullptr) *usage_ = read_usage(*group);
      group->remove();
      return {};
    } catch (const std::exception& error) {
      return error.what();
    }
  }

 private:
  // Every controller costs a directory in version 1, so only those are used that a limit or the usage needs.
  std::vector<std::string> controllers() const {
    std::vector<std::string> needed;
    if (limits_.memory || usage_ != nullptr) needed.emplace_back("memory");
    if (!limits_.cpuset.empty()) needed.emplace_back("cpuset");
    if (limits_.pids) needed.emplace_back("pids");
    if (!limits_.io.empty()) needed.emplace_back("io");
    if (limits_.cpus) needed.emplace_back("cpu");  // last: from there on the child waits for its turn more often
    return needed;
  }

  void set_limits() {
    if (limits_.memory) group_->set_memory(*limits_.memory);
    if (limits_.cpus) group_->set_cpu(std::llround(*limits_.cpus * kPeriodUsec), kPeriodUsec);
    if (!limits_.cpuset.empty()) group_->set_cpuset(limits_.cpuset);
    if (limits_.pids) group_->set_pids(*limits_.pids);
    for (const CgroupLimits::Io& io : limits_.io) limit_io(io);
  }

  void limit_io(const CgroupLimits::Io& io) {
    const auto limit = [&](const char* key, const std::optional<std::uint64_t>& most) {
      if (most) group_->set_io(io.device, key, *most);
    };
    try {
      limit("rbps", io.rbps);
      limit("wbps", io.wbps);
      limit("riops", io.riops);
      limit("wiops", io.wiops);
    } catch (Error& error) {
      if (error.code() == ENODEV)
        error.with_hint("it has to be a block device that is there, and a whole disk, no partition");
      throw;
    }
  }

  static CgroupUsage read_usage(const kernel::Cgroup& group) {
    return {.memory_peak = group.memory_peak(),
            .cpu_usec = group.cpu_usec(),
            .throttled_periods = group.throttled_periods(),
            .pids_refused = group.pids_refused(),
            .oom_killed = group.oom_kills() > 0};
  }

  CgroupLimits limits_;
  CgroupUsage* usage_;
  std::unique_ptr<kernel::Cgroup> group_;
};

std::unique_ptr<kernel::Cgroup> find_running(const std::string& id) {
  auto group = kernel::find_cgroup(group_name(id));
  if (!group->exists())
    throw Error("find the cgroup of the container " + id, ENOENT, "no container with this id is running");
  return group;
}

}  // namespace

std::unique_ptr<Part> make_cgroup(CgroupLimits limits, CgroupUsage* usage) {
  return std::make_unique<CgroupPart>(std::move(limits), usage);
}

void freeze_cgroup(const std::string& id) { find_running(id)->freeze(); }

void thaw_cgroup(const std::string& id) { find_running(id)->thaw(); }

}  // namespace coracle::parts
