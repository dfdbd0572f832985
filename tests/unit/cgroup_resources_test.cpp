// The part cgroup: linux.resources in the files of either version, the rules for devices, and what is done to the group
// of a running container.
#include <csignal>
#include <functional>

#include <linux/bpf.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/cgroup_backend.hpp"
#include "kernel/cgroup_trees.hpp"
#include "kernel/device_program.hpp"
#include "kernel/mount.hpp"
#include "kernel/namespace.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "launch/launch.hpp"
#include "parts/cgroup.hpp"
#include "parts/cgroup/resources.hpp"
#include "support/support.hpp"

using namespace coracle;
using namespace coracle::test;
using kernel::Error;

namespace {

const std::string path = "/coracle-000000000c68/nested";

// A container of one part: a process of the group that waits for its end.
class Container {
 public:
  explicit Container(parts::CgroupLimits limits) {
    limits.path = path;
    context_.id = "000000000c68";
    context_.run_dir = directory_.path();
    part_ = parts::make_cgroup(std::move(limits));
    try {
      part_->prepare(context_);
    } catch (...) {
      part_->release(context_);
      throw;
    }
    child_ = kernel::clone3(0, context_.cgroup_fd);
    if (child_.pid == 0) {
      try {
        part_->enter(context_);
        kernel::create_file(directory_.path() + "/entered", "");
        while (true) pause();
      } catch (...) {
        _exit(1);
      }
    }
    REQUIRE(eventually([&] { return kernel::exists(directory_.path() + "/entered"); }));
  }
  ~Container() {
    kernel::send_signal(child_.pidfd, SIGKILL);
    kernel::wait(child_.pidfd);
    CHECK(part_->release(context_).empty());
  }

  const std::string& run_dir() const { return context_.run_dir; }
  pid_t pid() const { return child_.pid; }
  const kernel::Fd& pidfd() const { return child_.pidfd; }
  parts::Context& context() { return context_; }

  // The text of a file of its group, without the end of the line.
  std::string read(const std::string& controller, const std::string& file) const {
    const auto group = parts::find_group(context_.run_dir);
    std::string text = kernel::read_file(group->directory_of(controller) + "/" + file);
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }
  bool has(const std::string& controller, const std::string& file) const {
    return kernel::exists(parts::find_group(context_.run_dir)->directory_of(controller) + "/" + file);
  }

 private:
  TemporaryDirectory directory_;
  parts::Context context_;
  std::unique_ptr<parts::Part> part_;
  kernel::Child child_;
};

bool pure_v2() { return kernel::CgroupTrees::unified(); }

// The first disk: "8:0".
std::optional<std::pair<std::int64_t, std::int64_t>> any_disk() {
  const std::string text = run({"sh", "-c", "cat /sys/block/*/dev | head -n 1"}).out;
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  return std::pair{std::stoll(text), std::stoll(text.substr(colon + 1))};
}

template <typename Action>
void check_refused(Action action, const std::string& part_of_the_message) {
  try {
    action();
    FAIL("it was taken: " << part_of_the_message);
  } catch (const Error& error) {
    INFO(error.what());
    CHECK(std::string(error.what()).find(part_of_the_message) != std::string::npos);
  }
}

// The errno that a process of the group gets for what it does; 0 when it is let.
int errno_in(kernel::Cgroup& group, const std::function<int()>& deed) {
  const kernel::Child child = kernel::clone3(0, group.directory());
  if (child.pid == 0) {
    group.enter();
    _exit(deed() < 0 ? errno : 0);
  }
  return kernel::wait(child.pidfd).status();
}

// A group with device rules, and what its processes may do with the devices 1:3 (null) and 1:11 (kmsg).
struct DeviceGroup {
  TemporaryDirectory directory;
  std::unique_ptr<kernel::Cgroup> group;
  std::string null = directory.path() + "/null", log = directory.path() + "/log";

  explicit DeviceGroup(std::unique_ptr<kernel::Cgroup> made) : group(std::move(made)) {
    group->create();
    REQUIRE(mknod(null.c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0);
    REQUIRE(mknod(log.c_str(), S_IFCHR | 0666, makedev(1, 11)) == 0);
  }
  ~DeviceGroup() { group->remove(); }

  int opens(const std::string& node, int flags) {
    return errno_in(*group, [&] { return open(node.c_str(), flags); });
  }
  int makes(mode_t type, unsigned first, unsigned second) {
    const std::string node = directory.path() + "/made";
    const int error = errno_in(*group, [&] { return mknod(node.c_str(), type | 0600, makedev(first, second)); });
    unlink(node.c_str());
    return error;
  }
};

parts::DeviceRule rule(bool allow, std::int64_t first, std::int64_t second, const char* access) {
  return {allow, 'c', first, second, access};
}

void check_device_rules(const std::function<void(kernel::Cgroup&, const std::vector<parts::DeviceRule>&)>& write_rules,
                        const std::vector<std::string>& controllers) {
  {
    DeviceGroup devices(kernel::place_cgroup(path, controllers));
    write_rules(*devices.group, parts::default_device_rules());
    CHECK(devices.opens(devices.null, O_RDWR) == 0);
    CHECK(devices.opens(devices.log, O_RDONLY) == EPERM);
    CHECK(devices.opens("/dev/tty", O_RDWR) != EPERM);
    CHECK(devices.makes(S_IFCHR, 1, 11) == 0);
    CHECK(devices.makes(S_IFBLK, 7, 0) == 0);
  }
  DeviceGroup devices(kernel::place_cgroup(path, controllers));
  write_rules(*devices.group, {rule(true, 1, 11, "r")});
  CHECK(devices.opens(devices.log, O_RDONLY) == 0);
  CHECK(devices.opens(devices.log, O_WRONLY) == EPERM);
  CHECK(devices.opens(devices.log, O_RDWR) == EPERM);
}

}  // namespace

TEST_CASE("version 1's numbers become version 2's as other runtimes convert them") {
  CHECK(parts::weight_of_shares(2) == 1);
  CHECK(parts::weight_of_shares(1024) == 39);
  CHECK(parts::weight_of_shares(262'144) == 10'000);
  CHECK(parts::weight_of_shares(1'000'000) == 10'000);
  CHECK(parts::weight_of_block_io(10) == 1);
  CHECK(parts::weight_of_block_io(500) == 4950);
  CHECK(parts::weight_of_block_io(1000) == 10'000);
  CHECK(parts::swap_alone({.limit = 100, .swap = 150}) == 50);
  CHECK(parts::swap_alone({.limit = 100, .swap = 100}) == 0);
  CHECK(parts::swap_alone({.limit = 100, .swap = -1}) == -1);
  CHECK(parts::swap_alone({.limit = -1}) == -1);
  CHECK_FALSE(parts::swap_alone({.limit = 100}));
  check_refused([] { parts::swap_alone({.limit = 100, .swap = 50}); }, "must not be less than memory.limit");
  check_refused([] { parts::swap_alone({.swap = 50}); }, "needs memory.limit beside it");
}

TEST_CASE("memory, processor time, cpuset and pids stand in the files of the group") {
  const Container container({.memory = {.limit = 64 << 20, .reservation = 32 << 20, .swap = 96 << 20},
                             .cpu = {.shares = 512, .period = 50'000, .quota = 25'000, .cpus = "0", .mems = "0"},
                             .pids = 20});
  if (pure_v2()) {
    CHECK(container.read("memory", "memory.max") == std::to_string(64 << 20));
    CHECK(container.read("memory", "memory.low") == std::to_string(32 << 20));
    if (container.has("memory", "memory.swap.max")) {
      CHECK(container.read("memory", "memory.swap.max") == std::to_string(32 << 20));
    }
    CHECK(container.read("memory", "memory.oom.group") == "0");
    CHECK(container.read("cpu", "cpu.weight") == "20");
    CHECK(container.read("cpu", "cpu.max") == "25000 50000");
  } else {
    CHECK(container.read("memory", "memory.limit_in_bytes") == std::to_string(64 << 20));
    CHECK(container.read("memory", "memory.soft_limit_in_bytes") == std::to_string(32 << 20));
    CHECK(container.read("memory", "memory.memsw.limit_in_bytes") == std::to_string(96 << 20));
    CHECK(container.read("cpu", "cpu.shares") == "512");
    CHECK(container.read("cpu", "cpu.cfs_quota_us") == "25000");
    CHECK(container.read("cpu", "cpu.cfs_period_us") == "50000");
  }
  CHECK(container.read("cpuset", "cpuset.cpus") == "0");
  CHECK(container.read("cpuset", "cpuset.mems") == "0");
  CHECK(container.read("pids", "pids.max") == "20");
}

TEST_CASE("what is -1 in the specification is no limit in the group") {
  const Container container({.memory = {.limit = -1}, .cpu = {.quota = -1}, .pids = -1});
  CHECK(container.read("pids", "pids.max") == "max");
  if (pure_v2()) {
    CHECK(container.read("memory", "memory.max") == "max");
    CHECK(container.read("cpu", "cpu.max") == "max 100000");
  } else {
    CHECK(container.read("memory", "memory.limit_in_bytes").size() > 15);
    CHECK(container.read("cpu", "cpu.cfs_quota_us") == "-1");
  }
}

TEST_CASE("swappiness, the OOM killer and idle are set where the version has them") {
  const Container container({.memory = {.kernel = 1 << 30, .swappiness = 30, .disable_oom_killer = true}});
  CHECK(container.has("memory", pure_v2() ? "memory.max" : "memory.limit_in_bytes"));
  if (pure_v2()) return;
  CHECK(container.read("memory", "memory.swappiness") == "30");
  CHECK(container.read("memory", "memory.oom_control").starts_with("oom_kill_disable 1"));
}

TEST_CASE("each I/O limit of a disk stands in the group") {
  const auto disk = any_disk();
  if (!disk) SKIP_WITHOUT("block devices");
  const auto at = [&](std::uint64_t rate) {
    return std::vector<parts::CgroupLimits::BlockIo::Throttle>{{disk->first, disk->second, rate}};
  };
  const Container container({.block_io = {.throttle_read_bps = at(1 << 20),
                                          .throttle_write_bps = at(2 << 20),
                                          .throttle_read_iops = at(300),
                                          .throttle_write_iops = at(400)}});
  const std::string device = fmt::format("{}:{}", disk->first, disk->second);
  if (pure_v2()) {
    CHECK(container.read("io", "io.max") == device + " rbps=1048576 wbps=2097152 riops=300 wiops=400");
  } else {
    CHECK(container.read("io", "blkio.throttle.read_bps_device") == device + " 1048576");
    CHECK(container.read("io", "blkio.throttle.write_bps_device") == device + " 2097152");
    CHECK(container.read("io", "blkio.throttle.read_iops_device") == device + " 300");
    CHECK(container.read("io", "blkio.throttle.write_iops_device") == device + " 400");
  }
}

TEST_CASE("what this host's version or kernel has not got is refused by the name of its field") {
  const auto start = [](const parts::CgroupLimits& limits) { Container{limits}; };
  if (pure_v2()) {
    check_refused([&] { start({.unified = {{"../memory.max", "1"}}}); }, "name of a file of the group");
    check_refused([&] { start({.unified = {{"memory.nonesuch", "1"}}}); }, "unified.memory.nonesuch");
    check_refused([&] { start({.network = {.class_id = 1}}); }, "network.classID");
    check_refused([&] { start({.cpu = {.realtime_runtime = 1000}}); }, "realtimeRuntime");
  } else {
    check_refused([&] { start({.unified = {{"memory.high", "1G"}}}); }, "only cgroup version 2 has it");
    check_refused([&] { start({.block_io = {.leaf_weight = 100}}); }, "linux.resources.blockIO.leafWeight");
  }
  check_refused([&] { start({.cpu = {.cpus = "4096"}}); }, "linux.resources.cpu.cpus to 4096");
  check_refused([&] { start({.rdma = {{.device = "nonesuch", .hca_handles = 1}}}); }, "rdma");
  for (const char* tree : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/cpuset"}) {
    CHECK_FALSE(kernel::exists(tree + std::string("/coracle-000000000c68")));
  }
}

TEST_CASE("the unified map is written as it is") {
  if (!pure_v2()) SKIP_WITHOUT("cgroup v2 controllers");
  const Container container({.pids = 20, .unified = {{"memory.high", "67108864"}, {"pids.max", "30"}}});
  CHECK(container.read("memory", "memory.high") == "67108864");
  CHECK(container.read("pids", "pids.max") == "30");
}

TEST_CASE("a container opens the devices that its rules allow and no others") {
  if (!pure_v2() && kernel::CgroupTrees().mount_of("devices").empty()) SKIP_WITHOUT("cgroup v1 devices");
  const std::vector<std::string> controllers =
      pure_v2() ? std::vector<std::string>{} : std::vector<std::string>{"devices"};
  check_device_rules([](kernel::Cgroup& group, const auto& rules) { parts::write_devices(group, rules); }, controllers);
}

TEST_CASE("without the controller devices, a cgroup2 beside the trees of version 1 keeps its rules") {
  if (pure_v2() || kernel::CgroupTrees().mount_of("cgroup2").empty()) SKIP_WITHOUT("hybrid cgroups");
  const kernel::Fd home = kernel::open("/proc/self/ns/mnt", O_RDONLY);
  kernel::unshare(CLONE_NEWNS);
  kernel::set_propagation("/", MS_PRIVATE);
  if (!kernel::CgroupTrees().mount_of("devices").empty()) kernel::umount("/sys/fs/cgroup/devices");
  const auto needed = parts::controllers_for({.devices = parts::default_device_rules()});
  CHECK(needed.empty());
  check_device_rules([](kernel::Cgroup& group, const auto& rules) { parts::write_devices(group, rules); }, needed);
  kernel::setns(home, CLONE_NEWNS);
}

TEST_CASE("the program for devices lets through what the last fitting rule allows") {
  if (kernel::CgroupTrees().mount_of("cgroup2").empty()) SKIP_WITHOUT("a cgroup2");
  DeviceGroup devices(kernel::place_cgroup(path, {}));
  const kernel::Fd directory = kernel::open(devices.group->directory_of("cgroup2"), O_RDONLY | O_DIRECTORY);
  const auto attach = [&](const std::vector<kernel::DeviceMatch>& rules) {
    kernel::attach_device_program(directory, kernel::device_program(rules));
  };
  attach({{.allow = false},
          {.allow = true, .type = 'c', .major = 1},
          {.allow = false, .major = 1, .minor = 3, .write = false, .mknod = false}});
  CHECK(devices.opens(devices.log, O_RDWR) == 0);
  CHECK(devices.opens(devices.null, O_RDONLY) == EPERM);
  CHECK(devices.opens(devices.null, O_RDWR) == EPERM);
  CHECK(devices.opens(devices.null, O_WRONLY) == 0);
  CHECK(devices.makes(S_IFCHR, 2, 3) == EPERM);
  CHECK(devices.makes(S_IFBLK, 1, 3) == EPERM);
  CHECK(devices.makes(S_IFCHR, 1, 3) == 0);
}

TEST_CASE("a program for devices without rules refuses all, and rules behind one for everything are not asked") {
  CHECK(kernel::device_program({}).size() == 8);
  const auto all = kernel::device_program({{.allow = true, .type = 'c', .major = 1, .minor = 3}, {.allow = false}});
  CHECK(all.size() == 8);
}

TEST_CASE("a process joins the group of a running container and is counted, signalled and frozen with it") {
  Container container({.pids = 20});
  const auto joining = parts::make_cgroup({});
  parts::Context context;
  context.run_dir = container.run_dir();
  joining->join(context);
  const kernel::Child child = kernel::clone3(0, context.cgroup_fd);
  if (child.pid == 0) {
    joining->seal(context);
    while (true) pause();
  }
  CHECK(eventually(
      [&] { return container.read("pids", "cgroup.procs").find(std::to_string(child.pid)) != std::string::npos; }));
  const std::vector<pid_t> pids = parts::pids_in_cgroup(container.run_dir());
  CHECK(pids.size() == 2);
  CHECK(std::count(pids.begin(), pids.end(), child.pid) == 1);
  CHECK(std::count(pids.begin(), pids.end(), getpid()) == 0);
  CHECK_FALSE(parts::is_frozen(container.run_dir()));
  parts::freeze_cgroup(container.run_dir());
  CHECK(parts::is_frozen(container.run_dir()));
  parts::thaw_cgroup(container.run_dir());
  CHECK_FALSE(parts::is_frozen(container.run_dir()));
  parts::signal_cgroup(container.run_dir(), SIGUSR1);
  CHECK(kernel::wait(child.pidfd).status() == 128 + SIGUSR1);
}

TEST_CASE("a process joins a container that has divided its group below it") {
  if (!pure_v2()) SKIP_WITHOUT("cgroup v2 controllers");
  Container container({.pids = 20});
  const std::string group = parts::find_group(container.run_dir())->directory_of("cgroup2");
  kernel::make_directories(group + "/init.scope");
  kernel::write_file(group + "/init.scope/cgroup.procs", std::to_string(container.pid()));
  kernel::write_file(group + "/cgroup.subtree_control", "+pids");
  const auto joining = parts::make_cgroup({});
  parts::Context context;
  context.run_dir = container.run_dir();
  joining->join(context);
  const kernel::Child child = kernel::clone3(0, context.cgroup_fd);
  if (child.pid == 0) {
    while (true) pause();
  }
  CHECK(parts::pids_in_cgroup(container.run_dir()).size() == 2);
  kernel::send_signal(child.pidfd, SIGKILL);
  kernel::wait(child.pidfd);
}

TEST_CASE("SIGKILL to a group leaves no process in it, frozen or not") {
  Container container({});
  parts::freeze_cgroup(container.run_dir());
  parts::signal_cgroup(container.run_dir(), SIGKILL);
  CHECK(eventually([&] { return parts::pids_in_cgroup(container.run_dir()).empty(); }));
}

TEST_CASE("the limits of a running container are updated, upwards and downwards") {
  Container container({.memory = {.limit = 64 << 20, .swap = 64 << 20}, .cpu = {.quota = 50'000}, .pids = 20});
  for (const std::int64_t limit : {128LL << 20, 32LL << 20}) {
    parts::update_cgroup(container.run_dir(),
                         {.memory = {.limit = limit, .swap = limit}, .cpu = {.quota = 30'000}, .pids = 30});
    CHECK(container.read("memory", pure_v2() ? "memory.max" : "memory.limit_in_bytes") == std::to_string(limit));
    CHECK(container.read("cpu", pure_v2() ? "cpu.max" : "cpu.cfs_quota_us").starts_with("30000"));
    CHECK(container.read("pids", "pids.max") == "30");
  }
  const parts::CgroupLimits too_small = {.memory = {.limit = 1, .check_before_update = true}};
  check_refused([&] { parts::update_cgroup(container.run_dir(), too_small); }, "checkBeforeUpdate");
}

TEST_CASE("a container that has no group cannot be frozen, and that is said") {
  const TemporaryDirectory nothing;
  check_refused([&] { parts::freeze_cgroup(nothing.path()); }, "no container with this id is running");
  CHECK_FALSE(parts::is_frozen(nothing.path()));
}

TEST_CASE("the statistics of a running container are what the kernel counts") {
  Container container({.memory = {.limit = 64 << 20}, .cpu = {.quota = 50'000}, .pids = 20});
  const parts::CgroupStatistics statistics = parts::read_statistics(container.run_dir());
  CHECK(statistics.memory_limit == 64 << 20);
  CHECK(statistics.memory_usage > 0);
  CHECK(statistics.memory_usage <= 64 << 20);
  CHECK(statistics.pids == 1);
  CHECK(statistics.pids_limit == 20);
  CHECK(statistics.oom_kills == 0);
}

TEST_CASE("without rights to a group a container that asks for no limit goes without one") {
  const TemporaryDirectory run_dir;
  const kernel::Child child = kernel::clone3(0);
  if (child.pid == 0) {
    const auto prepare = [&](const parts::CgroupLimits& limits) {
      parts::Context context{.id = "000000000c68", .run_dir = run_dir.path()};
      parts::make_cgroup(limits)->prepare(context);
      return context.cgroup_fd;
    };
    const auto throws = [&](const parts::CgroupLimits& limits) {
      try {
        prepare(limits);
        return false;
      } catch (const Error&) {
        return true;
      }
    };
    const bool became_nobody = setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0;
    const bool right = prepare({.devices = parts::default_device_rules(), .optional = true}) == -1 &&
                       throws({.pids = 20, .optional = true}) && throws({});
    _exit(became_nobody && right ? 0 : 1);
  }
  CHECK(kernel::wait(child.pidfd).status() == 0);
}
