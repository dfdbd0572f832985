// cgroup version 2: one directory for a group, whatever limits it has.
#include <unistd.h>

#include <poll.h>

#include "kernel/cgroup_backend.hpp"
#include "kernel/cgroup_trees.hpp"
#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

constexpr const char* kNoInternalProcesses =
    "a cgroup that hands out controllers to groups below must hold no processes itself (cgroups(7), \"no internal "
    "processes\" rule): move those listed in its cgroup.procs to a group of their own below it";

std::string first_line(const std::string& file) {
  const std::string text = read_file(file);
  return text.substr(0, text.find('\n'));
}

bool has_word(const std::string& line, const std::string& word) {
  return (" " + line + " ").find(" " + word + " ") != std::string::npos;
}

// A group has the controllers that its parent enables for all groups below, in cgroup.subtree_control.
void enable(const std::string& controller, const std::string& parent) {
  if (has_word(first_line(parent + "/cgroup.subtree_control"), controller)) return;
  if (!has_word(first_line(parent + "/cgroup.controllers"), controller)) {
    throw missing_controller(controller, "in " + parent + "/cgroup.controllers");
  }
  try {
    write_file(parent + "/cgroup.subtree_control", "+" + controller);
  } catch (Error& error) {
    if (error.code() == EBUSY) error.with_hint(kNoInternalProcesses);
    throw;
  }
}

// As far as the kernel lets us: nobody asked for a limit.
void enable_every(const std::string& parent) {
  const std::string enabled = first_line(parent + "/cgroup.subtree_control");
  for_each_part(first_line(parent + "/cgroup.controllers"), ' ', [&](std::string_view controller) {
    if (has_word(enabled, std::string(controller))) return;
    const Fd control = kernel::open(parent + "/cgroup.subtree_control", O_WRONLY);
    const std::string word = fmt::format("+{}", controller);
    note_call([&] { return write(control.get(), word.data(), word.size()); }, "write {} to {}/cgroup.subtree_control",
              word, parent);
  });
}

// The group itself; or, when it hands out controllers and so can hold no process, the first below it with processes.
std::string home_of_processes(const std::string& path) {
  if (first_line(path + "/cgroup.subtree_control").empty()) return path;
  for (const std::string& group : groups_below(path)) {
    if (!pids_below(group).empty()) return home_of_processes(group);
  }
  return path;
}

class CgroupV2 final : public Cgroup {
 public:
  CgroupV2(GroupDirectory group, std::vector<std::string> controllers, bool every)
      : group_(std::move(group)), path_(group_.path), controllers_(std::move(controllers)), every_(every) {}

  int version() const override { return 2; }
  std::string note() const override { return fmt::format("{} {}\n", group_.tree, path_); }

  bool may_create() const override { return may_make(group_); }

  void refuse_frozen() const override {
    const std::string group = nearest_group(group_);
    if (read_counter(group + "/cgroup.events", "frozen") == 1) throw frozen_group(group);
  }

  void create() override {
    const auto above_ours = [&](const std::string& made) {
      if (made != path_) enable_controllers(made);
    };
    if (!controllers_.empty() || every_) enable_down();
    make_group(group_, above_ours);
    directory_ = kernel::open(path_, O_PATH | O_DIRECTORY);
  }

  std::string directory_of(const std::string&) const override { return path_; }

  // A program that divides its group, as systemd in a container does, has moved below it: there is room for others.
  void open() override { directory_ = kernel::open(home_of_processes(path_), O_PATH | O_DIRECTORY); }
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

  bool frozen() const override { return read_counter(path_ + "/cgroup.events", "frozen") == 1; }

  std::vector<pid_t> pids() const override { return pids_below(path_); }

  void kill() override {
    try {
      write_file(path_ + "/cgroup.kill", "1");
      await("populated 0");
    } catch (const Error& error) {
      if (error.code() != ENOENT && error.code() != ENODEV) throw;  // else somebody else has removed it meanwhile
    }
  }

  void remove() override {
    directory_.close();
    if (remove_group(group_)) return;
    kill();
    if (!remove_group(group_)) throw Error("rmdir " + path_, EBUSY);
  }

 private:
  void enable_controllers(const std::string& parent) const {
    for (const std::string& controller : controllers_) enable(controller, parent);
    if (every_) enable_every(parent);
  }

  // In the groups above ours that are there, from the root down: each hands out what it was handed.
  void enable_down() const {
    const std::string mount = CgroupTrees().mount_of("cgroup2");
    for (std::size_t end = mount.size(); end <= group_.stood; end = path_.find('/', end + 1)) {
      enable_controllers(path_.substr(0, end));
    }
  }

  // cgroup.events says when it changes, as POLLPRI (cgroups(7), "cgroup.events").
  void await(const std::string& state) const {
    const Fd events = kernel::open(path_ + "/cgroup.events", O_RDONLY);
    while (true) {
      lseek(events.get(), 0, SEEK_SET);
      if (read_all(events).find(state) != std::string::npos) return;
      pollfd change{events.get(), POLLPRI, 0};
      const int changes = attempt([&] { return poll(&change, 1, kPatienceMs); }, "poll {}/cgroup.events", path_);
      if (changes == 0) throw Error(fmt::format("wait for \"{}\" in {}/cgroup.events", state, path_), ETIMEDOUT);
    }
  }

  GroupDirectory group_;
  std::string path_;
  std::vector<std::string> controllers_;
  bool every_;
  Fd directory_;
};

}  // namespace

std::unique_ptr<Cgroup> make_cgroup_v2(GroupDirectory directory, std::vector<std::string> controllers, bool every) {
  return std::make_unique<CgroupV2>(std::move(directory), std::move(controllers), every);
}

}  // namespace coracle::kernel
