// Namespaces that somebody else has made, and user namespaces with maps of their own.
#include "parts/namespaces.hpp"

#include <fmt/format.h>
#include <linux/sched.h>

#include "kernel/error.hpp"
#include "launch/launch.hpp"
#include "support/support.hpp"

using namespace coracle;
using parts::NamespaceOptions;

namespace {

// A process in new namespaces of the kinds that unshare(1)'s options name.
test::Running in_new(std::vector<std::string> options) {
  options.insert(options.begin(), "unshare");
  options.insert(options.end(), {"sh", "-c", "echo ready; exec cat"});
  return test::Running(options);
}

launch::Outcome run(const std::string& script, const NamespaceOptions& options) {
  const test::TemporaryDirectory root;
  parts::Parts parts;
  parts.push_back(parts::make_namespaces(options));
  return launch::run({.args = {"/bin/sh", "-c", script}}, parts, {root.path(), "a-name"});
}

NamespaceOptions none() {
  return {.mount = false, .pid = false, .uts = false, .ipc = false, .cgroup = false, .time = false, .network = false};
}

std::string path(pid_t pid, const char* kind) { return fmt::format("/proc/{}/ns/{}", pid, kind); }

// A test of sh that our namespace of this kind is that of the process.
std::string same(pid_t pid, const char* kind) {
  return fmt::format("test \"$(readlink /proc/self/ns/{})\" = '{}'", kind, test::namespace_of(pid, kind));
}

}  // namespace

TEST_CASE("a container enters namespaces of others by their paths") {
  test::Running other = in_new({"--net", "--ipc", "--uts", "--time"});
  other.read_until("ready");
  NamespaceOptions options;
  options.existing = {{CLONE_NEWNET, path(other.pid(), "net")},
                      {CLONE_NEWIPC, path(other.pid(), "ipc")},
                      {CLONE_NEWUTS, path(other.pid(), "uts")}};
  options.hostname = "a-name-there";
  for (const char* kind : {"net", "ipc", "uts"}) {
    INFO(kind);
    CHECK(run(same(other.pid(), kind), options).ending.status() == 0);
  }
  CHECK(run("test $$ = 1", options).ending.status() == 0);
  CHECK(run(same(other.pid(), "pid"), options).ending.status() == 1);
}

TEST_CASE("a container is a process among others in a pid namespace of theirs") {
  test::Running other = in_new({"--pid", "--fork", "--mount-proc"});
  other.read_until("ready");
  const pid_t first = other.child();
  NamespaceOptions options = none();
  options.existing = {{CLONE_NEWPID, path(first, "pid")}};
  CHECK(run("test $$ != 1 && test $$ -lt 20", options).ending.status() == 0);
}

TEST_CASE("in a user namespace of its own a container's root is somebody else outside") {
  NamespaceOptions options;
  options.user = true;
  options.uid_mappings = {{0, 100000, 1000}};
  options.gid_mappings = {{0, 200000, 1000}};
  CHECK(run("test \"$(id -u):$(id -g):$(id -G)\" = 0:0:0", options).ending.status() == 0);
  CHECK(run("test \"$(cat /proc/self/uid_map | tr -s ' ')\" = ' 0 100000 1000'", options).ending.status() == 0);
  CHECK(run("test \"$(cat /proc/self/gid_map | tr -s ' ')\" = ' 0 200000 1000'", options).ending.status() == 0);
  CHECK(run("hostname something && test $$ = 1", options).ending.status() == 0);
}

TEST_CASE("a new user namespace and a network of somebody else's go together") {
  test::Running other = in_new({"--net"});
  other.read_until("ready");
  NamespaceOptions options;
  options.user = true;
  options.uid_mappings = options.gid_mappings = {{0, 100000, 1000}};
  options.existing = {{CLONE_NEWNET, path(other.pid(), "net")}};
  CHECK(run(same(other.pid(), "net"), options).ending.status() == 0);
}

TEST_CASE("a user namespace of somebody else's is entered with those that it owns") {
  test::Running other = in_new({"--user", "--map-root-user", "--net", "--uts"});
  other.read_until("ready");
  NamespaceOptions options;
  options.existing = {{CLONE_NEWUTS, path(other.pid(), "uts")},
                      {CLONE_NEWNET, path(other.pid(), "net")},
                      {CLONE_NEWUSER, path(other.pid(), "user")}};
  for (const char* kind : {"user", "net", "uts"}) {
    INFO(kind);
    CHECK(run(same(other.pid(), kind), options).ending.status() == 0);
  }
  CHECK(run("test $$ = 1", options).ending.status() == 0);
}

TEST_CASE("a path to a namespace of another kind, or to none, is refused by its name") {
  NamespaceOptions options;
  options.existing = {{CLONE_NEWNET, "/proc/self/ns/uts"}};
  const auto message = [&] {
    try {
      run("exit 0", options);
    } catch (const kernel::Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(message() == "use /proc/self/ns/uts as a namespace of the kind NEWNET: it is one of the kind NEWUTS");
  options.existing = {{CLONE_NEWNET, "/etc/passwd"}};
  CHECK(message() == "use /etc/passwd as a namespace of the kind NEWNET: it is no namespace");
  options.existing = {{CLONE_NEWNET, "/no/such"}};
  CHECK(message() == "open /no/such: ENOENT (No such file or directory)");
}

TEST_CASE("the clocks of a time namespace of its own go by their offsets") {
  NamespaceOptions options;
  options.clock_offsets = {{"boottime", 1'000'000, 0}, {"monotonic", -5, 500'000'000}};
  CHECK(run("test $(cut -d. -f1 /proc/uptime) -gt 1000000", options).ending.status() == 0);
  CHECK(run("grep -q '^monotonic *-5 *500000000$' /proc/self/timens_offsets", options).ending.status() == 0);
}
