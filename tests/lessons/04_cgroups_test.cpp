// Lesson 4 from outside: the files of the container's groups, and what the kernel does at each limit.
#include <csignal>
#include <filesystem>
#include <fstream>

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <fmt/format.h>

#include "support/support.hpp"

using namespace coracle::test;
namespace fs = std::filesystem;

namespace {

const std::string program = lesson("04-cgroups");

// The lesson, with `options`, and the shell in it with `script`.
std::vector<std::string> shell(const std::vector<std::string>& options, const std::string& script) {
  std::vector<std::string> command = {program};
  command.insert(command.end(), options.begin(), options.end());
  command.insert(command.end(), {busybox_rootfs(), "sh", "-c", script});
  return command;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  INFO(path);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

bool pure_v2() {
  struct statfs info {};
  return statfs("/sys/fs/cgroup", &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
}

// The directory of the group that the process is in, in the tree of this version 1 controller or, where there
// is version 2 alone, in the one tree. By proc(5), /proc/PID/cgroup, "NUMBER:CONTROLLERS:PATH"; "" is version 2.
std::string group_of(pid_t pid, const std::string& controller) {
  std::ifstream lines(fmt::format("/proc/{}/cgroup", pid));
  const std::string wanted = pure_v2() ? "" : controller;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if ("," + line.substr(first + 1, second - first - 1) + "," != "," + wanted + ",") continue;
    const std::string tree = pure_v2() ? "" : controller.empty() ? "/unified" : "/" + controller;
    return "/sys/fs/cgroup" + tree + line.substr(second + 1);
  }
  return {};
}

// The number behind `key` in a file of "key number" lines.
long counter(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  std::string word;
  for (long number = 0; file >> word >> number;) {
    if (word == key) return number;
  }
  return 0;
}

std::vector<std::string> groups_with(const std::string& id) {
  std::vector<std::string> found;
  std::error_code unreadable;
  for (fs::recursive_directory_iterator at("/sys/fs/cgroup", unreadable), end; at != end; at.increment(unreadable)) {
    if (at->path().filename().string().find(id) != std::string::npos) found.push_back(at->path());
  }
  return found;
}

bool has_controller(const std::string& name) {
  if (!pure_v2()) return fs::exists("/sys/fs/cgroup/" + name);
  return (" " + text_of("/sys/fs/cgroup/cgroup.controllers")).find(" " + (name == "blkio" ? "io" : name)) !=
         std::string::npos;
}

#define NEEDS_CONTROLLER(name) \
  if (!has_controller(name)) SKIP_WITHOUT("cgroup controller " name)

}  // namespace

TEST_CASE("the program is in a group of its own, and sees it as the root of all groups") {
  NEEDS_CONTROLLER("memory");
  Running running(shell({"--id", "00000000c401", "--memory", "64m"}, "cat /proc/self/cgroup; echo ready; read x"));
  const std::string inside = "\n" + running.read_until("ready\n");
  for (const std::string controller : {"", "memory"}) {
    const std::string directory = group_of(running.child(), controller);
    CHECK(directory.substr(directory.rfind('/')) == "/coracle-00000000c401");
    CHECK(text_of(directory + "/cgroup.procs").find(std::to_string(running.child())) != std::string::npos);
  }
  INFO(inside);
  CHECK(inside.find("\n0::/\n") != std::string::npos);
  CHECK(inside.find("coracle") == std::string::npos);
  CHECK(namespace_of(running.child(), "cgroup") != namespace_of(getpid(), "cgroup"));
  CHECK_FALSE(groups_with("00000000c401").empty());
  running.write("go on\n");
  CHECK(running.wait().status == 0);
  CHECK(groups_with("00000000c401").empty());
}

TEST_CASE("the kernel kills what needs more memory than the limit, and the lesson says so") {
  NEEDS_CONTROLLER("memory");
  Running running(shell({"--memory", "32m"}, "echo ready; read x; exec tail /dev/zero"));
  running.read_until("ready\n");
  const std::string group = group_of(running.child(), "memory");
  const std::string limit = pure_v2() ? "/memory.max" : "/memory.limit_in_bytes";
  CHECK(text_of(group + limit) == fmt::format("{}\n", 32 << 20));
  const std::string swap = pure_v2() ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes";
  if (fs::exists(group + swap)) CHECK(text_of(group + swap) == fmt::format("{}\n", pure_v2() ? 0 : 32 << 20));
  running.write("go on\n");
  const Result result = running.wait();
  CHECK(result.status == 128 + SIGKILL);
  INFO(result.err);
  CHECK(result.err.find("out of memory") != std::string::npos);
}

TEST_CASE("an out-of-memory kill is counted in the group") {
  NEEDS_CONTROLLER("memory");
  if (pure_v2()) SKIP_WITHOUT("cgroup v1 (in version 2 the group ends as a whole, and its count with it)");
  Running running(shell({"--memory", "32m"}, "tail /dev/zero; echo $?; read x"));
  running.read_until("137\n");
  CHECK(counter(group_of(running.child(), "memory") + "/memory.oom_control", "oom_kill") == 1);
  running.write("go on\n");
  CHECK(running.wait().err.find("out of memory") != std::string::npos);
}

TEST_CASE("in version 2 running out of memory ends the whole container") {
  if (!pure_v2()) SKIP_WITHOUT("cgroup v2 controllers");
  const Result result = run(shell({"--memory", "32m"}, "tail /dev/zero; echo alive"));
  CHECK(result.out.empty());
  CHECK(result.status == 128 + SIGKILL);
  CHECK(result.err.find("out of memory") != std::string::npos);
}

TEST_CASE("a program that stays below its memory limit is let be") {
  NEEDS_CONTROLLER("memory");
  const Result result = run(shell({"--memory", "64m"}, "head -c 16m /dev/zero | tail -c 1 | wc -c"));
  CHECK(result.out == "1\n");
  CHECK(result.status == 0);
  CHECK(result.err.find("out of memory") == std::string::npos);
}

TEST_CASE("a CPU limit throttles a program that wants more") {
  NEEDS_CONTROLLER("cpu");
  Running running(shell({"--cpus", "0.2"}, "echo ready; while true; do true; done"));
  running.read_until("ready\n");
  const std::string group = group_of(running.child(), "cpu");
  if (pure_v2()) {
    CHECK(text_of(group + "/cpu.max") == "20000 100000\n");
  } else {
    CHECK(text_of(group + "/cpu.cfs_quota_us") == "20000\n");
    CHECK(text_of(group + "/cpu.cfs_period_us") == "100000\n");
  }
  CHECK(eventually([&] { return counter(group + "/cpu.stat", "nr_throttled") >= 3; }));
  kill(running.child(), SIGKILL);
  const Result result = running.wait();
  CHECK(result.err.find("throttled") != std::string::npos);
}

TEST_CASE("a cpuset leaves the program these processors alone") {
  NEEDS_CONTROLLER("cpuset");
  Running running(shell({"--cpuset", "0"}, "echo ready; read x"));
  running.read_until("ready\n");
  CHECK(text_of(group_of(running.child(), "cpuset") + "/cpuset.cpus") == "0\n");
  const std::string status = text_of(fmt::format("/proc/{}/status", running.child()));
  CHECK(status.find("\nCpus_allowed_list:\t0\n") != std::string::npos);
  running.write("go on\n");
  CHECK(running.wait().status == 0);
}

TEST_CASE("a pid limit makes fork fail with EAGAIN and is counted") {
  NEEDS_CONTROLLER("pids");
  // The shell, a subshell, and three sleeping make five; the subshell ends when it cannot fork.
  const std::string forks = "(sleep 1000 & sleep 1000 & sleep 1000 & sleep 1000 & true) 2>&1; echo ready; read x";
  Running running(shell({"--pids", "5"}, forks));
  const std::string out = running.read_until("ready\n");
  INFO(out);
  CHECK(out.find("fork: Resource temporarily unavailable") != std::string::npos);  // strerror(EAGAIN)
  const std::string group = group_of(running.child(), "pids");
  CHECK(text_of(group + "/pids.max") == "5\n");
  CHECK(counter(group + "/pids.events", "max") == 1);
  running.write("go on\n");
  CHECK(running.wait().err.find("forks refused   1\n") != std::string::npos);
}

TEST_CASE("an I/O limit is set for the device and no other") {
  NEEDS_CONTROLLER("blkio");
  std::string device;
  for (const auto& disk : fs::directory_iterator("/sys/block")) device = text_of(disk.path() / "dev");
  if (device.empty()) SKIP_WITHOUT("block devices");
  device.pop_back();  // the end of the line
  Running running(shell({"--io", device + ":rbps=2m,wiops=100"}, "echo ready; read x"));
  running.read_until("ready\n");
  const std::string group = group_of(running.child(), "blkio");
  if (pure_v2()) {
    CHECK(text_of(group + "/io.max") == device + " rbps=2097152 wbps=max riops=max wiops=100\n");
  } else {
    CHECK(text_of(group + "/blkio.throttle.read_bps_device") == device + " 2097152\n");
    CHECK(text_of(group + "/blkio.throttle.write_iops_device") == device + " 100\n");
    CHECK(text_of(group + "/blkio.throttle.write_bps_device").empty());
  }
  running.write("go on\n");
  CHECK(running.wait().status == 0);
}

TEST_CASE("an I/O limit slows the device down") {
  NEEDS_CONTROLLER("blkio");
  std::string root = "/var/tmp/coracle-test-XXXXXX";
  if (mkdtemp(root.data()) == nullptr) SKIP_WITHOUT("/var/tmp");
  struct stat status {};
  REQUIRE(stat(root.c_str(), &status) == 0);
  const std::string device = fmt::format("{}:{}", major(status.st_dev), minor(status.st_dev));
  if (!fs::exists("/sys/dev/block/" + device + "/queue")) {  // a partition has none, a tmpfs is not there at all
    fs::remove(root);
    SKIP_WITHOUT("/var/tmp on a disk without partitions");
  }
  REQUIRE(run({"cp", "-a", busybox_rootfs() + "/.", root}).status == 0);
  REQUIRE(run({"dd", "if=/dev/zero", "of=" + root + "/data", "bs=1M", "count=2", "conv=fsync"}).status == 0);
  const auto begin = std::chrono::steady_clock::now();
  const Result result =
      run({program, "--io", device + ":rbps=2m", root, "dd", "if=/data", "of=/dev/null", "bs=1M", "iflag=direct"});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  fs::remove_all(root);
  CHECK(result.status == 0);
  CHECK(took.count() > 0.8);  // 2 MiB at 2 MiB/s, where a disk needs milliseconds
}

TEST_CASE("a frozen container stands still until it is thawed") {
  Running running(shell({"--id", "00000000c402"}, "echo ready; while read line; do echo $line; done"));
  running.read_until("ready\n");
  const std::string events = group_of(running.child(), "") + "/cgroup.events";
  const bool has_events = fs::exists(events);
  CHECK(run({program, "--freeze", "00000000c402"}).status == 0);
  if (has_events) {
    CHECK(counter(events, "frozen") == 1);
  } else {
    CHECK(text_of(group_of(running.child(), "freezer") + "/freezer.state") == "FROZEN\n");
  }
  running.write("hello\n");
  CHECK(run({program, "--thaw", "00000000c402"}).status == 0);
  if (has_events) CHECK(counter(events, "frozen") == 0);
  running.read_until("hello\n");
  running.close_input();
  CHECK(running.wait().status == 0);
}

TEST_CASE("a container that is killed while it is frozen leaves nothing behind") {
  Running running(shell({"--id", "00000000c403"}, "echo ready; read x"));
  running.read_until("ready\n");
  CHECK(run({program, "--freeze", "00000000c403"}).status == 0);
  running.signal(SIGTERM);
  kill(running.child(), SIGKILL);
  CHECK(running.wait().status == 128 + SIGKILL);
  CHECK(groups_with("00000000c403").empty());
}

TEST_CASE("what a killed lesson left is taken away by the next one") {
  {
    Running running(shell({"--id", "00000000c404", "--pids", "10"}, "sleep 1000 & echo ready; read x"));
    running.read_until("ready\n");
    running.signal(SIGKILL);
    CHECK(running.wait().status == 128 + SIGKILL);
    CHECK_FALSE(groups_with("00000000c404").empty());
  }
  CHECK(run(shell({}, "true")).status == 0);
  CHECK(groups_with("00000000c404").empty());
}

TEST_CASE("an id that runs already is refused, and the running one is left alone") {
  Running running(shell({"--id", "00000000c405"}, "echo ready; read x"));
  running.read_until("ready\n");
  const Result second = run(shell({"--id", "00000000c405"}, "true"));
  CHECK(second.status == 125);
  CHECK_FALSE(groups_with("00000000c405").empty());
  running.write("go on\n");
  CHECK(running.wait().status == 0);
}

TEST_CASE("bad limits are refused in one line that says what is allowed") {
  const std::vector<std::vector<std::string>> bad = {
      {"--memory", "1m", "the least is 6m"},
      {"--memory", "lots", "a number of bytes"},
      {"--cpus", "0", "from 0.01"},
      {"--cpus", "1000000", "from 0.01"},
      {"--cpuset", "8000", "the processors of this host"},
      {"--cpuset", "a-b", "the processors of this host"},
      {"--pids", "0", "at least 1"},
      {"--io", "8:0:speed=1m", "rbps"},
  };
  for (const auto& words : bad) {
    const Result result = run(shell({words[0], words[1]}, "true"));
    INFO(words[0] << " " << words[1] << ": " << result.err);
    CHECK(result.status == 125);
    CHECK(result.err.find(words[1]) != std::string::npos);
    CHECK(result.err.find(words[2]) != std::string::npos);
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  }
}

TEST_CASE("a device that is not there is refused and nothing is left") {
  NEEDS_CONTROLLER("blkio");
  const Result result = run(shell({"--io", "4094:0:rbps=1m"}, "true"));
  CHECK(result.status == 125);
  INFO(result.err);
  CHECK(result.err.find("ENODEV") != std::string::npos);
  CHECK(result.err.find("whole disk") != std::string::npos);
}

TEST_CASE("a container that does not run can be neither frozen nor thawed") {
  for (const char* action : {"--freeze", "--thaw"}) {
    const Result result = run({program, action, "00000000c406"});
    CHECK(result.status == 125);
    CHECK(result.err.find("no container with this id is running") != std::string::npos);
  }
}
