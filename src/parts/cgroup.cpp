#include "parts/cgroup.hpp"

#include <algorithm>

#include "kernel/cgroupfs.hpp"
#include "parts/cgroup/resources.hpp"

namespace coracle::parts {
namespace {

class CgroupPart final : public Part {
 public:
  CgroupPart(CgroupLimits limits, CgroupUsage* usage) : limits_(std::move(limits)), usage_(usage) {}

  Stage stage() const override { return Stage::cgroup; }
  const char* name() const override { return "cgroup"; }

  void prepare(Context& context) override {
    if (limits_.optional) limits_.devices.reset();
    const std::vector<std::string> needed = controllers();
    group_ = kernel::place_cgroup(path_for(context), needed, limits_.every_controller);
    if (limits_.optional && needed.empty() && !group_->may_create()) return group_.reset();
    leave_note(context.run_dir, *group_);
    group_->create();
    write_limits(*group_, limits_);
    if (limits_.devices) write_devices(*group_, *limits_.devices);
    context.cgroup_fd = group_->directory();
  }

  void enter(Context&) override {
    if (group_) group_->enter();
  }

  // The program is born in the group as the first one was, or moves itself: we stay outside, where nobody freezes us.
  void join(Context& context) override {
    group_ = find_group(context.run_dir);
    if (!group_) return;
    group_->open();
    context.cgroup_fd = group_->directory();
    joins_ = true;
  }

  void seal(Context&) override {
    if (joins_) group_->enter();
  }

  std::string release(Context& context) noexcept override {
    try {
      const auto group = find_group(context.run_dir);
      if (!group) return {};
      if (usage_ != nullptr) *usage_ = read_usage(context.run_dir);
      group->remove();
      return {};
    } catch (const std::exception& error) {
      return error.what();
    }
  }

 private:
  std::string path_for(const Context& context) const {
    return limits_.path.empty() ? "/coracle-" + context.id : limits_.path;
  }

  // Every controller costs a directory in version 1, so only those are used that a limit or the usage needs.
  std::vector<std::string> controllers() const {
    std::vector<std::string> needed = controllers_for(limits_);
    if (usage_ != nullptr && std::find(needed.begin(), needed.end(), "memory") == needed.end()) {
      needed.emplace_back("memory");
    }
    return needed;
  }

  static CgroupUsage read_usage(const std::string& run_dir) {
    const CgroupStatistics statistics = read_statistics(run_dir);
    return {.memory_peak = statistics.memory_peak,
            .cpu_usec = statistics.cpu_usec,
            .throttled_periods = statistics.throttled_periods,
            .pids_refused = statistics.pids_refused,
            .oom_killed = statistics.oom_kills > 0};
  }

  CgroupLimits limits_;
  CgroupUsage* usage_;
  std::unique_ptr<kernel::Cgroup> group_;
  bool joins_ = false;
};

}  // namespace

std::unique_ptr<Part> make_cgroup(CgroupLimits limits, CgroupUsage* usage) {
  return std::make_unique<CgroupPart>(std::move(limits), usage);
}

}  // namespace coracle::parts
