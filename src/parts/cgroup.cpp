#include "parts/cgroup.hpp"

#include <algorithm>

#include "kernel/cgroupfs.hpp"
#include "kernel/error.hpp"
#include "kernel/own_user_namespace.hpp"
#include "parts/cgroup/resources.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;

class CgroupPart final : public Part {
 public:
  CgroupPart(CgroupLimits limits, CgroupUsage* usage) : limits_(std::move(limits)), usage_(usage) {}

  Stage stage() const override { return Stage::cgroup; }
  const char* name() const override { return "cgroup"; }

  void prepare(Context& context) override {
    const bool ordinary = !kernel::in_first_user_namespace();
    // Rules for devices are root's alone to write; a user namespace makes no device nodes, and has those it was given.
    if (limits_.optional || ordinary) limits_.devices.reset();
    const std::vector<std::string> needed = controllers();
    group_ = kernel::place_cgroup(path_for(context, ordinary), needed, limits_.every_controller);
    const bool needless = (limits_.optional && needed.empty()) || (ordinary && !has_limits(limits_));
    if (needless && !group_->may_create()) return group_.reset();
    if (ordinary) refuse_if_not_delegated(*group_);
    group_->refuse_frozen();  // before there is a note: whoever undoes this start leaves the group alone
    leave_note(context.run_dir, *group_);
    create(context.run_dir);
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
  // An ordinary user's group is beside or below the one that the user is in: nobody else's is the user's to change.
  std::string path_for(const Context& context, bool ordinary) const {
    return limits_.path.empty() ? (ordinary ? "coracle-" : "/coracle-") + context.id : limits_.path;
  }

  // A group with processes in it is somebody else's: whoever undoes this start must not find it and end them.
  void create(const std::string& run_dir) const {
    try {
      group_->create();
    } catch (const Error& error) {
      if (error.code() == EEXIST) take_note_back(run_dir);
      throw;
    }
  }

  static void refuse_if_not_delegated(const kernel::Cgroup& group) {
    if (group.may_create()) return;
    throw Error("limit what the container may use", EACCES,
                std::string("the cgroups here are not this user's: ") + kDelegation);
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

bool has_limits(CgroupLimits limits) {
  limits.devices.reset();
  return !controllers_for(limits).empty();
}

bool may_limit(CgroupLimits limits) {
  limits.devices.reset();
  return kernel::place_cgroup("coracle-probe", controllers_for(limits))->may_create();
}

std::unique_ptr<Part> make_cgroup(CgroupLimits limits, CgroupUsage* usage) {
  return std::make_unique<CgroupPart>(std::move(limits), usage);
}

}  // namespace coracle::parts
