// cgroup version 1: a directory for a group in the tree of each controller. On hybrid hosts a cgroup2 without
// controllers is mounted as well: it can freeze, kill and count CPU time, so there the version 1 trees are used for
// limits alone. On hosts without it the controllers freezer and cpuacct stand in.
#include <ctime>
#include <utility>

#include <poll.h>
#include <unistd.h>

#include "kernel/cgroup_backend.hpp"
#include "kernel/cgroup_trees.hpp"
#include "kernel/fd.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

// Kills the processes of a group and those below; gives those that were there.
std::vector<Fd> kill_listed(const std::string& path) {
  std::vector<Fd> killed;
  for (const pid_t pid : pids_below(path)) {
    Fd pidfd = find_process(pid);
    if (!pidfd) continue;  // it has ended
    send_signal(pidfd, SIGKILL);
    killed.push_back(std::move(pidfd));
  }
  return killed;
}

bool is_listed(const std::string& controllers, const std::string& controller) {
  return ("," + controllers + ",").find("," + controller + ",") != std::string::npos;
}

// A new group has no processors and no memory nodes at all, and takes no process without both
// (admin-guide/cgroup-v1/cpusets.rst). Nor has a parent that somebody made and left so.
void inherit_cpuset(const std::string& path) {
  const std::string parent = path.substr(0, path.rfind('/'));
  for (const char* file : {"/cpuset.mems", "/cpuset.cpus"}) {
    std::string text = read_file(parent + file);
    if (text == "\n" && exists(parent.substr(0, parent.rfind('/')) + file)) {
      inherit_cpuset(parent);
      text = read_file(parent + file);
    }
    write_file(path + file, text);
  }
}

class CgroupV1 final : public Cgroup {
 public:
  CgroupV1(std::unique_ptr<Cgroup> unified, std::vector<GroupDirectory> groups)
      : unified_(std::move(unified)), groups_(std::move(groups)) {}

  int version() const override { return 1; }

  std::string note() const override {
    std::string note = unified_ ? unified_->note() : "";
    for (const GroupDirectory& group : groups_) note += fmt::format("{} {}\n", group.tree, group.path);
    return note;
  }

  bool may_create() const override {
    return (!unified_ || unified_->may_create()) && std::all_of(groups_.begin(), groups_.end(), may_make);
  }

  void refuse_frozen() const override {
    if (unified_) unified_->refuse_frozen();
    for (const GroupDirectory& directory : groups_) {
      if (!is_listed(directory.tree, "freezer")) continue;
      const std::string group = nearest_group(directory);
      const std::string file = group + "/freezer.state";  // the root has none
      if (kernel::exists(file) && read_file(file) != "THAWED\n") throw frozen_group(group);
    }
  }

  void create() override {
    if (unified_) unified_->create();
    for (const GroupDirectory& group : groups_) {
      const bool is_cpuset = is_listed(group.tree, "cpuset");
      make_group(group, is_cpuset ? inherit_cpuset : std::function<void(const std::string&)>());
    }
    open_tasks();
  }

  std::string directory_of(const std::string& controller) const override {
    if (controller == "cgroup2") return unified_ ? unified_->directory_of(controller) : "";
    for (const GroupDirectory& group : groups_) {
      if (is_listed(group.tree, controller == "io" ? "blkio" : controller)) return group.path;
    }
    return "";
  }

  void open() override {
    if (unified_) unified_->open();
    open_tasks();
  }

  int directory() const override { return unified_ ? unified_->directory() : -1; }

  // "0" stands for the writing thread. To `tasks`, not to cgroup.procs: a whole process, or somebody else's, is moved
  // under a lock that costs 6 to 15 ms when nobody has taken it for a while (lessons/04-cgroups, "The code").
  void enter() override {
    for (const Tasks& tasks : tasks_) {
      attempt([&] { return write(tasks.file.get(), "0", 1); }, "write 0 to {}/tasks", tasks.group);
    }
  }

  bool exists() const override {
    return unified_ ? unified_->exists() : !groups_.empty() && kernel::exists(groups_.front().path);
  }

  void freeze() override { unified_ ? unified_->freeze() : set_freezer("FROZEN"); }
  void thaw() override { unified_ ? unified_->thaw() : set_freezer("THAWED"); }
  bool frozen() const override {
    return unified_ ? unified_->frozen() : read_file(directory_of("freezer") + "/freezer.state") == "FROZEN\n";
  }

  std::vector<pid_t> pids() const override { return unified_ ? unified_->pids() : pids_below(groups_.front().path); }

  void kill() override { unified_ ? unified_->kill() : kill_all(groups_.front().path); }

  void remove() override {
    tasks_.clear();
    if (unified_) unified_->remove();
    for (const GroupDirectory& group : groups_) {
      if (remove_group(group)) continue;
      kill_all(group.path);
      if (!remove_group(group)) throw Error("rmdir " + group.path, EBUSY);
    }
  }

 private:
  struct Tasks {
    std::string group;
    Fd file;  // opened by the parent, whose rights count when the child writes
  };

  void open_tasks() {
    for (const GroupDirectory& group : groups_) {
      tasks_.push_back({group.path, kernel::open(group.path + "/tasks", O_WRONLY)});
    }
  }

  // FREEZING becomes FROZEN when the last process has stopped; no event tells when (freezer-subsystem.rst).
  void set_freezer(const std::string& state) const {
    const std::string file = directory_of("freezer") + "/freezer.state";
    write_file(file, state);
    for (int waited_ms = 0; read_file(file) != state + "\n"; ++waited_ms) {
      if (waited_ms == kPatienceMs) throw Error(fmt::format("wait for {} in {}", state, file), ETIMEDOUT);
      const timespec millisecond{0, 1'000'000};
      nanosleep(&millisecond, nullptr);
    }
  }

  // Version 1 has no cgroup.kill: every process is killed, until there is none. Frozen processes do not fork meanwhile.
  void kill_all(const std::string& path) const {
    const std::string freezer = directory_of("freezer") + "/freezer.state";
    const bool can_freeze = !unified_ && kernel::exists(freezer);
    std::vector<Fd> killed;
    do {
      if (can_freeze) write_file(freezer, "FROZEN");
      killed = kill_listed(path);
      if (can_freeze) write_file(freezer, "THAWED");
      for (const Fd& pidfd : killed) {
        pollfd end{pidfd.get(), POLLIN, 0};
        if (attempt([&] { return poll(&end, 1, kPatienceMs); }, "poll pidfd {}", pidfd.get()) == 0) {
          throw Error("wait for the end of a killed process in " + path, ETIMEDOUT);
        }
      }
    } while (!killed.empty());
  }

  std::unique_ptr<Cgroup> unified_;
  std::vector<GroupDirectory> groups_;
  std::vector<Tasks> tasks_;
};

// The trees for these controllers, each once: several may share one, as cpu and cpuacct often do.
class Placement {
 public:
  explicit Placement(const std::string& path) : path_(path) {}

  void add(const std::string& controllers, bool required) {
    const std::string directory = trees_.directory_of(controllers, path_);
    if (directory.empty()) {
      if (required) throw missing_controller(controllers, "mounted below /sys/fs/cgroup");
      return;
    }
    GroupDirectory group = plan_group(controllers, directory);
    struct stat tree {};
    attempt([&] { return stat(group.path.substr(0, group.stood).c_str(), &tree); }, "stat above {}", group.path);
    const auto known = std::find(known_.begin(), known_.end(), tree.st_dev);
    if (known != known_.end()) {
      groups_[static_cast<std::size_t>(known - known_.begin())].tree += "," + controllers;
      return;
    }
    known_.push_back(tree.st_dev);
    groups_.push_back(std::move(group));
  }

  CgroupTrees trees_;
  std::vector<GroupDirectory> groups_;

 private:
  const std::string& path_;
  std::vector<dev_t> known_;
};

}  // namespace

std::unique_ptr<Cgroup> make_cgroup_v1(std::unique_ptr<Cgroup> unified, std::vector<GroupDirectory> directories) {
  return std::make_unique<CgroupV1>(std::move(unified), std::move(directories));
}

// From the tree of cpu on, the process waits for its turn more often: it comes last.
std::unique_ptr<Cgroup> place_in_version_1(const std::string& path, const std::vector<std::string>& controllers,
                                           bool every) {
  Placement place(path);
  const std::string unified = place.trees_.directory_of("cgroup2", path);
  const bool use_cpu = std::find(controllers.begin(), controllers.end(), "cpu") != controllers.end();
  if (unified.empty()) place.add("freezer", true);
  for (const std::string& controller : controllers) {
    if (controller != "cpu") place.add(controller == "io" ? "blkio" : controller, true);
  }
  const std::vector<std::string> all = every ? place.trees_.version_1() : std::vector<std::string>();
  for (const std::string& tree : all) {
    if (!is_listed(tree, "cpu")) place.add(tree, false);
  }
  if (unified.empty()) place.add("cpuacct", true);
  if (use_cpu) place.add("cpu", true);
  for (const std::string& tree : all) {
    if (is_listed(tree, "cpu")) place.add(tree, false);
  }
  return make_cgroup_v1(unified.empty() ? nullptr : make_cgroup_v2(plan_group("cgroup2", unified), {}, false),
                        std::move(place.groups_));
}

}  // namespace coracle::kernel
