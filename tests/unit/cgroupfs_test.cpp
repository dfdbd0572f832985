// The cgroup file system below the part: both backends, and what people may write as a limit.
#include "kernel/cgroupfs.hpp"

#include <csignal>
#include <filesystem>

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "kernel/cgroup_backend.hpp"
#include "kernel/mount.hpp"
#include "kernel/namespace.hpp"
#include "kernel/process.hpp"
#include "launch/launch.hpp"
#include "parts/cgroup.hpp"
#include "support/support.hpp"

using namespace coracle;
using namespace coracle::test;
using kernel::Error;

namespace {

const std::string name = "coracle-000000000c67";

std::unique_ptr<kernel::Cgroup> place(const std::vector<std::string>& controllers = {}) {
  return kernel::place_cgroup("/" + name, controllers);
}

void set(const kernel::Cgroup& group, const std::string& controller, const std::string& file,
         const std::string& value) {
  kernel::write_file(group.directory_of(controller) + "/" + file, value);
}

bool pure_v2() { return kernel::is_file_system("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC); }

// The directories called `name` in all trees of the host.
std::vector<std::string> groups() {
  std::vector<std::string> found;
  if (std::filesystem::exists("/sys/fs/cgroup/" + name)) found.push_back("/sys/fs/cgroup/" + name);
  for (const auto& tree : std::filesystem::directory_iterator("/sys/fs/cgroup")) {
    const std::string path = tree.path().string() + "/" + name;
    if (std::filesystem::exists(path)) found.push_back(path);
  }
  return found;
}

// A process that is in the group `group` and does nothing.
class Member {
 public:
  explicit Member(kernel::Cgroup& group) : child_(kernel::clone3(0, group.directory())) {
    if (child_.pid != 0) return;
    try {
      group.enter();
      while (true) pause();
    } catch (...) {
      _exit(1);
    }
  }
  ~Member() {
    if (!ended()) kernel::send_signal(child_.pidfd, SIGKILL);
    if (!reaped_) kernel::wait(child_.pidfd);
  }

  // Whether it is listed in the group's cgroup.procs below `directory`.
  bool in(const std::string& directory) const {
    return ("\n" + kernel::read_file(directory + "/cgroup.procs")).find(fmt::format("\n{}\n", child_.pid)) !=
           std::string::npos;
  }
  bool ended() const {
    siginfo_t info{};
    return reaped_ || (waitid(P_PID, static_cast<id_t>(child_.pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                       info.si_pid == child_.pid);
  }
  kernel::Ending wait() {
    reaped_ = true;
    return kernel::wait(child_.pidfd);
  }

 private:
  kernel::Child child_;
  bool reaped_ = false;
};

void check_life_of_a_group() {
  const auto maker = place({"memory", "pids", "cpu"});
  CHECK_FALSE(maker->exists());
  maker->create();
  set(*maker, "pids", "pids.max", "10");
  set(*maker, "memory", maker->version() == 2 ? "memory.max" : "memory.limit_in_bytes", "64M");
  set(*maker, "cpu", maker->version() == 2 ? "cpu.max" : "cpu.cfs_quota_us", "50000");
  Member first(*maker);
  const auto group = kernel::find_cgroup(maker->note());  // as another process finds it
  CHECK(group->exists());
  CHECK(group->version() == maker->version());
  group->open();
  Member second(*group);
  for (const std::string& directory : groups()) {
    INFO(directory);
    CHECK(eventually([&] { return first.in(directory) && second.in(directory); }));
  }
  CHECK(group->pids().size() == 2);
  CHECK_FALSE(group->frozen());
  group->freeze();
  CHECK(group->frozen());
  CHECK_FALSE(first.ended());
  group->thaw();
  CHECK_FALSE(group->frozen());
  group->freeze();  // frozen processes die as well
  group->remove();
  CHECK(first.wait().status() == 128 + SIGKILL);
  CHECK(second.wait().status() == 128 + SIGKILL);
  CHECK(groups().empty());
  CHECK_FALSE(group->exists());
  group->remove();  // nothing there is no error
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

}  // namespace

TEST_CASE("a group is made, entered, frozen, killed and removed") { check_life_of_a_group(); }

TEST_CASE("without a cgroup2 beside the version 1 trees, freezer and cpuacct stand in") {
  if (!kernel::is_file_system("/sys/fs/cgroup/freezer", CGROUP_SUPER_MAGIC)) SKIP_WITHOUT("cgroup v1 freezer");
  if (!kernel::is_file_system("/sys/fs/cgroup/unified", CGROUP2_SUPER_MAGIC)) SKIP_WITHOUT("hybrid cgroups");
  const kernel::Fd home = kernel::open("/proc/self/ns/mnt", O_RDONLY);
  kernel::unshare(CLONE_NEWNS);
  kernel::set_propagation("/", MS_PRIVATE);
  kernel::umount("/sys/fs/cgroup/unified");
  check_life_of_a_group();
  const auto group = place();
  CHECK(group->directory() == -1);
  group->create();
  CHECK(kernel::exists("/sys/fs/cgroup/freezer/" + name));
  {
    Member member(*group);
    CHECK(eventually([&] { return member.in("/sys/fs/cgroup/freezer/" + name); }));
    group->freeze();
    CHECK(kernel::read_file("/sys/fs/cgroup/freezer/" + name + "/freezer.state") == "FROZEN\n");
    group->thaw();
    CHECK(kernel::read_file("/sys/fs/cgroup/freezer/" + name + "/freezer.state") == "THAWED\n");
    CHECK(eventually([&] { return kernel::read_counter(group->directory_of("cpuacct") + "/cpuacct.usage") > 0; }));
  }
  group->remove();
  kernel::setns(home, CLONE_NEWNS);
}

TEST_CASE("a tree that is mounted in an unusual place is found") {
  if (!kernel::is_file_system("/sys/fs/cgroup/pids", CGROUP_SUPER_MAGIC)) SKIP_WITHOUT("cgroup v1 trees");
  const TemporaryDirectory elsewhere;
  const kernel::Fd home = kernel::open("/proc/self/ns/mnt", O_RDONLY);
  kernel::unshare(CLONE_NEWNS);
  kernel::set_propagation("/", MS_PRIVATE);
  kernel::mount("/sys/fs/cgroup/pids", elsewhere.path(), "", MS_MOVE);
  const auto group = place({"pids"});
  group->create();
  set(*group, "pids", "pids.max", "7");
  CHECK(kernel::read_file(elsewhere.path() + "/" + name + "/pids.max") == "7\n");
  group->remove();
  CHECK_FALSE(kernel::exists(elsewhere.path() + "/" + name));
  kernel::setns(home, CLONE_NEWNS);
}

TEST_CASE("groups below the group go with it, and so do their processes") {
  const auto group = place();
  group->create();
  const std::string below = groups().front() + "/below/deeper";
  kernel::make_directories(below);
  const kernel::Child child = kernel::clone3(0);
  if (child.pid == 0) {
    while (true) pause();
  }
  kernel::write_file(below + "/cgroup.procs", std::to_string(child.pid));
  group->remove();
  CHECK(kernel::wait(child.pidfd).status() == 128 + SIGKILL);
  CHECK(groups().empty());
}

TEST_CASE("a group in which somebody runs is not taken over, an empty one is") {
  const auto group = place();
  group->create();
  place()->create();
  {
    const Member member(*group);
    check_refused([] { place()->create(); }, "EEXIST");
  }
  group->remove();
}

TEST_CASE("a nested path is made as needed, and the last one in it takes away what was made") {
  const auto stood = place({"pids"});
  stood->create();
  const std::string directory = stood->directory_of("pids");
  const auto first = kernel::place_cgroup("/" + name + "/a/b/first", {"pids"});
  const auto second = kernel::place_cgroup("/" + name + "/a//./b/../b/second", {"pids"});
  first->create();
  second->create();
  CHECK(first->directory_of("pids") == directory + "/a/b/first");
  CHECK(second->directory_of("pids") == directory + "/a/b/second");
  set(*first, "pids", "pids.max", "9");
  kernel::find_cgroup(first->note())->remove();
  CHECK_FALSE(kernel::exists(directory + "/a/b/first"));
  CHECK(kernel::exists(directory + "/a/b/second"));
  kernel::find_cgroup(second->note())->remove();
  CHECK_FALSE(kernel::exists(directory + "/a"));
  CHECK(stood->exists());
  stood->remove();
  CHECK(groups().empty());
}

TEST_CASE("a relative path is below our own group, and beside it in version 2") {
  const auto outer = place();
  outer->create();
  const kernel::Child child = kernel::clone3(0, outer->directory());
  if (child.pid == 0) {
    try {
      outer->enter();
      const auto inner = kernel::place_cgroup("inner/../relative", {});
      inner->create();
      const std::string path = inner->directory_of("cgroup2");
      inner->remove();
      const std::string above = pure_v2() ? "/sys/fs/cgroup" : outer->directory_of("cgroup2");
      _exit(path == above + "/relative" && !kernel::exists(path) ? 0 : 1);
    } catch (...) {
      _exit(2);
    }
  }
  if (outer->directory() < 0) SKIP_WITHOUT("a cgroup2");
  CHECK(kernel::wait(child.pidfd).status() == 0);
  outer->remove();
}

TEST_CASE("a path that leads to no group of its own is refused, and none leads above the root") {
  for (const char* path : {"", "/", "..", "/../..", "./"}) {
    check_refused([&] { kernel::place_cgroup(path, {}); }, "has to name a group below the root");
  }
  check_refused([] { kernel::place_cgroup("/a\nb", {}); }, "a byte that no path may have");
  CHECK(kernel::place_cgroup("/../../" + name, {})->note() == place()->note());
}

TEST_CASE("with every controller the group is in each tree that the host has mounted") {
  const auto group = kernel::place_cgroup("/" + name, {}, true);
  group->create();
  {
    const Member member(*group);
    for (const auto& tree : std::filesystem::directory_iterator("/sys/fs/cgroup")) {
      if (pure_v2() || tree.is_symlink() || !kernel::exists(tree.path().string() + "/cgroup.procs")) continue;
      INFO(tree.path());
      CHECK(eventually([&] { return member.in(tree.path().string() + "/" + name); }));
    }
    for (const char* file : {"memory.max", "pids.max", "cpu.max", "io.max"}) {
      if (pure_v2()) CHECK(kernel::exists(group->directory_of("") + "/" + file));
    }
  }
  group->remove();
  CHECK(groups().empty());
}

TEST_CASE("processes in the parent group are what EBUSY is explained with") {
  if (!pure_v2()) SKIP_WITHOUT("cgroup v2 controllers");
  const auto outer = place({"memory"});
  outer->create();
  {
    const Member member(*outer);
    const auto inner = kernel::place_cgroup("/" + name + "/inner", {"memory"});
    check_refused([&] { inner->create(); }, "no internal processes");
  }
  outer->remove();
}

TEST_CASE("a controller that is not there is named, with a word about the doctor") {
  const auto make = [] { place({"nonesuch"})->create(); };
  check_refused(make, "controller nonesuch");
  check_refused(make, "coracle doctor");
  place()->remove();
  CHECK(groups().empty());
}

TEST_CASE("what a container leaves running without a pid namespace is killed, and its use is counted") {
  const TemporaryDirectory directory;
  const std::string note = directory.path() + "/pid";
  parts::CgroupUsage usage;
  parts::Parts parts;
  parts.push_back(parts::make_cgroup({.memory = {.limit = 64 << 20}}, &usage));
  const std::string script = "sleep 1000 & echo $! >" + note + "; head -c 20m /dev/zero | tail >/dev/null";
  const launch::Process process{.args = {"/bin/sh", "-c", script}};
  const launch::Outcome outcome = launch::run(process, parts, {directory.path() + "/run", launch::new_id()});
  CHECK(outcome.ending.status() == 0);
  CHECK(outcome.left_behind.empty());
  const pid_t orphan = std::stoi(kernel::read_file(note));
  int status = 0;
  CHECK(waitpid(orphan, &status, 0) == orphan);  // ours by now: the tests adopt orphans
  CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
  CHECK(usage.memory_peak > 20 << 20);
  CHECK(usage.memory_peak <= 64 << 20);
  CHECK(usage.cpu_usec > 0);
  CHECK_FALSE(usage.oom_killed);
}

TEST_CASE("without a limit and without a question no controller is used") {
  const TemporaryDirectory directory;
  parts::Parts parts;
  parts.push_back(parts::make_cgroup({}));
  const std::string script = "cat /proc/self/cgroup >" + directory.path() + "/cgroup";
  const launch::Options options{directory.path() + "/run", launch::new_id()};
  CHECK(launch::run({.args = {"/bin/sh", "-c", script}}, parts, options).ending.status() == 0);
  const std::string trees = kernel::read_file(directory.path() + "/cgroup");
  INFO(trees);
  const std::size_t first = trees.find(options.id);
  CHECK(first != std::string::npos);
  const bool hybrid = kernel::is_file_system("/sys/fs/cgroup/unified", CGROUP2_SUPER_MAGIC);
  if (hybrid) CHECK(trees.find(options.id, first + 1) == std::string::npos);
}

TEST_CASE("memory is read as docker reads it") {
  CHECK(parts::parse_memory("6291456").limit == 6 << 20);
  CHECK(parts::parse_memory("6291456b").limit == 6 << 20);
  CHECK(parts::parse_memory("8192k").limit == 8 << 20);
  CHECK(parts::parse_memory("64m").limit == 64 << 20);
  CHECK(parts::parse_memory("64M").limit == 64 << 20);
  CHECK(parts::parse_memory("64mb").limit == 64 << 20);
  CHECK(parts::parse_memory("64MiB").limit == 64 << 20);
  CHECK(parts::parse_memory("64m").swap == 64 << 20);
  CHECK(parts::parse_memory("1.5g").limit == 3LL << 29);
  for (const char* text :
       {"", "m", "-64m", "64x", "64 m", "64mm", "64ib", "0x40m", "inf", "nan", "1e30", "99999999t"}) {
    check_refused([&] { parts::parse_memory(text); }, fmt::format("\"{}\": a number of bytes", text));
  }
  for (const char* text : {"0", "5m", "6291455"}) {
    check_refused([&] { parts::parse_memory(text); }, fmt::format("\"{}\": the least is 6m", text));
  }
}

TEST_CASE("cpus and pids are numbers in their range") {
  CHECK(parts::parse_cpus("0.5") == 50'000);
  CHECK(parts::parse_cpus("0.01") == 1'000);
  for (const char* text : {"", "x", "0,5", "1x"}) check_refused([&] { parts::parse_cpus(text); }, "as in 0.5");
  for (const char* text : {"0", "-1", "0.009", "100000", "nan", "inf"}) {
    check_refused([&] { parts::parse_cpus(text); }, "from 0.01 to");
  }
  CHECK(parts::parse_pids("100") == 100);
  for (const char* text : {"", "x", "1.5", "10k"}) check_refused([&] { parts::parse_pids(text); }, "as in 100");
  for (const char* text : {"0", "-1"}) check_refused([&] { parts::parse_pids(text); }, "at least 1");
}

TEST_CASE("a cpuset names processors of this host") {
  CHECK(parts::parse_cpuset("0") == "0");
  CHECK(parts::parse_cpuset("0-0,0") == "0-0,0");
  for (const char* text : {"x", "0-", "-1", "1-0", "0,", ",0", "0 ", "8000", "0-8191", "99999999999"}) {
    check_refused([&] { parts::parse_cpuset(text); }, "the processors of this host are 0");
  }
}

TEST_CASE("an I/O limit is a block device and what it may do in a second") {
  parts::CgroupLimits::BlockIo io;
  parts::parse_io("8:0:rbps=1m,wiops=100", io);
  REQUIRE(io.throttle_read_bps.size() == 1);
  CHECK(io.throttle_read_bps[0].major == 8);
  CHECK(io.throttle_read_bps[0].minor == 0);
  CHECK(io.throttle_read_bps[0].rate == 1U << 20U);
  REQUIRE(io.throttle_write_iops.size() == 1);
  CHECK(io.throttle_write_iops[0].rate == 100U);
  CHECK(io.throttle_write_bps.empty());
  CHECK(io.throttle_read_iops.empty());
  for (const char* text : {"8:0", "8:0:", "8:0:rbps", "8:0:rbps=", "8:0:rbps=0", "8:0:rbps=-1", "8:0:bps=1",
                           "8:0:rbps=1,", "8:0:rbps=1,,wbps=1"}) {
    INFO(text);
    CHECK_THROWS_AS(parts::parse_io(text, io), Error);
  }
  check_refused([&] { parts::parse_io("rbps=1m", io); }, "DEVICE:KEY=NUMBER");
  check_refused([&] { parts::parse_io("/dev/null:rbps=1m", io); }, "ENOTBLK");
  check_refused([&] { parts::parse_io("/dev/nonesuch:rbps=1m", io); }, "ENOENT");
}
