// coracle as an ordinary user: the same commands, in a user namespace of their own.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include <fmt/format.h>

#include "e2e/rootless.hpp"
#include "kernel/fd.hpp"
#include "kernel/process.hpp"
#include "support/at_terminal.hpp"

using namespace coracle;
using namespace coracle::test;
namespace fs = std::filesystem;

TEST_CASE("an ordinary user imports an image and is root in its containers alone") {
  const OrdinaryUser user;
  user.import_busybox();
  CHECK(output(user, {}, {"id", "-u"}) == "0\n");
  const auto running = waiting(user, {});
  const pid_t pid = running->child();
  CHECK(namespace_of(pid, "user") != namespace_of(getpid(), "user"));
  for (const char* kind : {"mnt", "pid", "uts", "ipc", "cgroup", "net"}) {
    INFO(kind);
    CHECK(namespace_of(pid, kind) != namespace_of(getpid(), kind));
  }
  std::istringstream map(kernel::read_file(fmt::format("/proc/{}/uid_map", pid)));
  std::vector<unsigned> numbers{std::istream_iterator<unsigned>(map), {}};
  CHECK(numbers == std::vector<unsigned>{0, OrdinaryUser::kUid, 1, 1, OrdinaryUser::kFirst, OrdinaryUser::kCount});
  kill(pid, SIGKILL);
  CHECK(running->wait().status == 128 + SIGKILL);
  CHECK(user.left_behind().empty());
}

TEST_CASE("an ordinary user saves, loads and removes images, whose files keep their owners") {
  const OrdinaryUser user;
  user.import_busybox();
  const std::string archive = user.home() + "/box.tar";
  CHECK(user.run({"save", "-o", archive, "busybox"}).err.empty());
  CHECK(status_of(archive).st_uid == OrdinaryUser::kUid);
  CHECK(has(user.run({"rmi", "busybox"}).out, "Untagged: busybox:latest\nDeleted: sha256:"));
  CHECK(user.run({"load", "-i", archive}).out == "Loaded image: busybox:latest\n");
  CHECK(output(user, {}, {"stat", "-c", "%u", "/bin/busybox"}) == "0\n");
  CHECK(user.run({"save", "--format", "oci-dir", "-o", user.home() + "/layout", "busybox"}).status == 0);
  CHECK(user.run({"load", "-i", user.home() + "/layout"}).out == "Loaded image: busybox:latest\n");
  CHECK(user.run({"image", "prune", "-af"}).status == 0);
  CHECK(user.left_behind().empty());
}

TEST_CASE("an ordinary user's container has the devices of every container") {
  const OrdinaryUser user;
  user.import_busybox();
  const std::string list = output(
      user, {},
      {"stat", "-c", "%n %t:%T %a", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"});
  CHECK(list ==
        "/dev/null 1:3 666\n/dev/zero 1:5 666\n/dev/full 1:7 666\n/dev/random 1:8 666\n/dev/urandom 1:9 666\n"
        "/dev/tty 5:0 666\n");
  CHECK(output(user, {}, {"sh", "-c", "echo gone > /dev/null; head -c 3 /dev/zero | wc -c; ls /dev/pts/ptmx"}) ==
        "3\n/dev/pts/ptmx\n");
}

TEST_CASE("when an ordinary user's coracle is killed, its container ends and the next command clears up") {
  const OrdinaryUser user;
  user.import_busybox();
  const auto running = waiting(user, {"-u", "1000"});
  const pid_t pid = running->child();
  running->signal(SIGKILL);
  running->wait();
  CHECK(eventually([&] { return !fs::exists(fmt::format("/proc/{}/root", pid)); }));
  CHECK(user.run({"images"}).status == 0);
  output(user, {}, {"true"});
  CHECK(user.left_behind().empty());
}

TEST_CASE("a program that became another user ends with the next command when an ordinary user's coracle was killed") {
  const OrdinaryUser user;
  user.import_busybox();
  Running running(user.coracle({"run", "--rm", "--net", "none", "busybox", "su", "-s", "/bin/sh", "www-data", "-c",
                                "echo ready; exec sleep 1000"}));
  running.read_until("ready\n");
  const pid_t pid = running.child();
  const kernel::Fd program = kernel::pidfd_open(pid);
  CHECK(status_of(fmt::format("/proc/{}", pid)).st_uid == OrdinaryUser::kFirst + 32);
  running.signal(SIGKILL);
  running.wait();
  output(user, {}, {"true"});
  const bool ended = !kernel::send_signal(program, 0) || !fs::exists(fmt::format("/proc/{}/root", pid));
  CHECK(ended);
  CHECK(user.left_behind().empty());
}

TEST_CASE("an ordinary user enters a running container") {
  const OrdinaryUser user;
  user.import_busybox();
  const auto running = waiting(user, {"--name", "boat", "--oom-score-adj", "300"});
  CHECK(user.run({"exec", "boat", "cat", "/proc/self/oom_score_adj"}).out == "300\n");
  const Result inside = user.run({"exec", "boat", "sh", "-c", "id -u; readlink /proc/self/ns/user; cat /proc/1/comm"});
  INFO(inside.err);
  CHECK(inside.status == 0);
  CHECK(inside.out == "0\n" + namespace_of(running->child(), "user") + "\nsleep\n");
  CHECK(user.run({"exec", "-u", "1000", "boat", "sh", "-c", "id -u; exit 3"}).out == "1000\n");
  CHECK(user.run({"exec", "boat", "sh", "-c", "exit 3"}).status == 3);
  kill(running->child(), SIGKILL);
  running->wait();
}

TEST_CASE("exit statuses of an ordinary user's containers are docker's") {
  const OrdinaryUser user;
  user.import_busybox();
  CHECK(in_busybox(user, {}, {"sh", "-c", "exit 7"}).status == 7);
  CHECK(in_busybox(user, {}, {"/etc"}).status == 126);
  CHECK(in_busybox(user, {}, {"/nothing"}).status == 127);
  CHECK(user.run({"run", "--rm", "--pull", "never", "no-such-image"}).status == 125);
}

TEST_CASE("an ordinary user's container has a terminal, also when its program is another user") {
  const OrdinaryUser user;
  user.import_busybox();
  CHECK(output(user, {"-t"}, {"tty"}) == "/dev/pts/0\r\n");
  CHECK(output(user, {"-t", "-u", "www-data"}, {"sh", "-c", "stat -c %U /dev/pts/0; echo >/dev/tty done"}) ==
        "www-data\r\ndone\r\n");
  AtTerminal person(user.coracle({"run", "--rm", "--net", "none", "-it", "-u", "www-data", "busybox", "sh"}), 33, 77);
  person.read_until("$ ");
  person.type("stty size\r");
  person.read_until("33 77");
  person.type("exit 4\r");
  CHECK(person.wait() == 4);
  CHECK(user.left_behind().empty());
}

TEST_CASE("an ordinary user joins containers of his own, leaves them and ends them") {
  const OrdinaryUser user;
  user.import_busybox();
  AtTerminal person(user.coracle({"run", "--rm", "--net", "none", "-it", "--name", "box", "busybox", "sh"}));
  person.read_until("/ # ");
  person.type("\x10\x11");
  CHECK(person.wait() == 0);
  const Result inside = user.run({"exec", "box", "sh", "-c", "id -u; cat /proc/1/comm; grep CapEff /proc/1/status"});
  INFO(inside.err);
  CHECK(inside.out.substr(0, 5) == "0\nsh\n");
  CHECK(user.run({"exec", "-u", "www-data", "box", "id", "-un"}).out == "www-data\n");
  CHECK(user.run({"exec", "-t", "box", "tty"}).out == "/dev/pts/1\r\n");
  CHECK(user.run({"kill", "box"}).status == 0);
  CHECK(eventually([&] { return user.left_behind().empty(); }));
}

TEST_CASE("scripts/start runs without root where what it builds is there") {
  if (run({"sh", "-c", "command -v pasta && test -c /dev/net/tun"}).status != 0)
    SKIP_WITHOUT("pasta (package passt) or /dev/net/tun");
  const OrdinaryUser user;
  const std::string tree = user.home() + "/coracle";
  const std::string made = busybox_layer().substr(0, busybox_layer().rfind('/'));
  fs::create_directories(tree + "/build/rootfs");
  for (const char* name : {"scripts", "rootfs", "src", "lessons", "CMakeLists.txt"}) {
    REQUIRE(run({"cp", "-a", source(name), tree}).status == 0);
  }
  for (const char* name : {"busybox.tar.gz", ".busybox.stamp"}) {
    fs::copy_file(made + "/" + name, tree + "/build/rootfs/" + name);
  }
  for (const char* name : {"", "-images"}) {
    fs::copy_file(test::coracle() + name, tree + "/build/coracle" + name);
  }
  std::ofstream(tree + "/build/.start");
  REQUIRE(run({"chown", "-R", fmt::format("{0}:{0}", OrdinaryUser::kUid), tree}).status == 0);
  const Result result = run(user.command({tree + "/scripts/start"}));
  INFO(result.out << result.err);
  CHECK(result.status == 0);
  CHECK(has(result.out, "host name  coracle"));
  CHECK(has(result.out, fmt::format("the ordinary user {} of the host", OrdinaryUser::kUid)));
  CHECK(has(result.err, "execve"));
  CHECK(user.left_behind().empty());
}

TEST_CASE("an ordinary user's container runs detached, and is watched, stopped and removed") {
  const OrdinaryUser user;
  user.import_busybox();
  const Result made = user.run({"run", "-d", "--net", "none", "--name", "boat", "busybox", "sh", "-c",
                                "mkdir /x; chown www-data /x; trap 'echo bye; exit 7' TERM; echo up; "
                                "while :; do sleep 0.01; done"});
  INFO(made.err);
  REQUIRE(made.status == 0);
  CHECK(eventually([&] { return user.run({"logs", "boat"}).out == "up\n"; }));
  CHECK(user.run({"exec", "boat", "id", "-u"}).out == "0\n");
  CHECK(user.run({"stop", "boat"}).out == "boat\n");
  CHECK(user.run({"wait", "boat"}).out == "7\n");
  CHECK(user.run({"start", "boat"}).status == 0);
  CHECK(user.run({"rm", "-f", "boat"}).out == "boat\n");
  CHECK(user.left_behind().empty());
}
