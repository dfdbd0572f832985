// Lesson 3 from outside: which namespaces the program is in, and what process 1 does.
#include <csignal>
#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

#include "launch/launch.hpp"
#include "support/support.hpp"

using namespace coracle::test;

namespace {

const std::string program = lesson("03-namespaces");
const std::vector<std::pair<std::string, std::string>> kinds = {  // our name for it, /proc's name for it
    {"mount", "mnt"},     {"pid", "pid"},   {"uts", "uts"}, {"ipc", "ipc"},
    {"cgroup", "cgroup"}, {"time", "time"}, {"net", "net"}};

std::vector<std::string> sleeping(std::vector<std::string> options) {
  std::vector<std::string> command = {program};
  command.insert(command.end(), options.begin(), options.end());
  for (const std::string& word :
       {busybox_rootfs(), std::string("sh"), std::string("-c"), std::string("echo ready; exec sleep 1000")}) {
    command.push_back(word);
  }
  return command;
}

}  // namespace

TEST_CASE("the program has seven namespaces of its own and shares the user namespace") {
  Running running(sleeping({}));
  running.read_until("ready\n");
  for (const auto& [name, link] : kinds) {
    INFO(name);
    CHECK(namespace_of(running.child(), link) != namespace_of(getpid(), link));
  }
  CHECK(namespace_of(running.child(), "user") == namespace_of(getpid(), "user"));
  kill(running.child(), SIGKILL);
  CHECK(running.wait().status == 137);
}

TEST_CASE("each namespace can be left out and the others stay") {
  for (const auto& [left_out, left_link] : kinds) {
    INFO("--without " << left_out);
    Running running(sleeping({"--without", left_out}));
    running.read_until("ready\n");
    for (const auto& [name, link] : kinds) {
      INFO(name);
      CHECK((namespace_of(running.child(), link) == namespace_of(getpid(), link)) == (name == left_out));
    }
    kill(running.child(), SIGKILL);
    running.wait();
  }
}

TEST_CASE("/proc inside shows the pid namespace and the first process is 1") {
  const Result result =
      run({program, busybox_rootfs(), "sh", "-c", "echo $$; set -- /proc/[0-9]*; echo $#; cat /proc/1/comm; :"});
  CHECK(result.out == "1\n1\nsh\n");
}

TEST_CASE("the host name is set inside and only there") {
  char before[256] = {}, after[256] = {};
  gethostname(before, sizeof before);
  CHECK(run({program, "--hostname", "boat", busybox_rootfs(), "hostname"}).out == "boat\n");
  gethostname(after, sizeof after);
  CHECK(std::string(before) == after);
  CHECK(run({program, "--without", "uts", "--hostname", "oops", busybox_rootfs(), "true"}).status == 125);
}

TEST_CASE("the clock since boot can be another one") {
  const Result result = run({program, "--uptime", "5000", busybox_rootfs(), "cut", "-d.", "-f1", "/proc/uptime"});
  CHECK(std::stol(result.out) >= 5000);
  CHECK(std::stol(result.out) < 5060);
}

TEST_CASE("the standard devices are there with their numbers") {
  const Result result = run({program, busybox_rootfs(), "stat", "-c", "%n %t:%T %a", "/dev/null", "/dev/zero",
                             "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"});
  CHECK(result.out ==
        "/dev/null 1:3 666\n/dev/zero 1:5 666\n/dev/full 1:7 666\n/dev/random 1:8 666\n/dev/urandom 1:9 666\n/dev/tty "
        "5:0 666\n");
}

TEST_CASE("process 1 ignores a signal without a handler, and a small init does not") {
  CHECK(run({program, busybox_rootfs(), "sh", "-c", "kill -TERM $$; exit 5"}).status == 5);
  CHECK(run({program, "--init", busybox_rootfs(), "sh", "-c", "kill -TERM $$; exit 5"}).status == 143);
  CHECK(run({program, "--init", busybox_rootfs(), "sh", "-c", "exit 5"}).status == 5);
  CHECK(run({program, "--init", busybox_rootfs(), "no-such-program"}).status == 127);
}

TEST_CASE("the small init passes signals on and reaps orphans") {
  Running running({program, "--init", busybox_rootfs(), "sh", "-c",
                   "trap 'exit 33' TERM; (sh -c 'true &'); echo ready; while :; do sleep 1; done"});
  running.read_until("ready\n");
  const std::string children =
      "/proc/" + std::to_string(running.child()) + "/task/" + std::to_string(running.child()) + "/children";
  CHECK(eventually([&] {  // the program alone is left as a child of init
    const std::string pids = coracle::kernel::read_file(children);
    return std::count(pids.begin(), pids.end(), ' ') == 1;
  }));
  running.signal(SIGTERM);
  CHECK(running.wait().status == 33);
}

TEST_CASE("a second program joins all namespaces of a running one") {
  Running running(sleeping({}));
  running.read_until("ready\n");
  const std::string inside = std::to_string(running.child());
  Running joined({program, "--join", inside, "sh", "-c", "echo joined; exec sleep 1000"});
  joined.read_until("joined\n");
  for (const auto& kind : kinds) {
    INFO(kind.first);
    // Until it is reaped, the process between the two is the first child.
    const auto same = [&] {
      return namespace_of(joined.child(), kind.second) == namespace_of(running.child(), kind.second);
    };
    CHECK(eventually(same));
  }
  CHECK(run({program, "--join", inside, "sh", "-c", "exit 4"}).status == 4);
  CHECK(run({program, "--join", inside, "no-such-program"}).status == 127);
  kill(running.child(), SIGKILL);
  running.wait();
  CHECK(joined.wait().status == 137);  // the end of process 1 is the end of its namespace
  CHECK(run({program, "--join", inside, "true"}).status == 125);
}

TEST_CASE("a signal that comes while the container is being made ends the start in order") {
  for (int round = 0; round < 20; ++round) {
    Running running({program, busybox_rootfs(), "sleep", "1000"});
    running.signal(SIGTERM);
    running.signal(SIGINT);
    running.signal(SIGQUIT);
    const int status = running.wait().status;
    // Before we hold signals back it ends us; during the start it ends the start; as the third request it is a SIGKILL.
    CHECK((status == 128 + SIGTERM || status == 128 + SIGINT || status == 128 + SIGQUIT || status == 128 + SIGKILL));
  }
}

TEST_CASE("a start killed at any moment leaves nothing that the next start does not clear") {
  for (int round = 0; round < 30; ++round) {
    Running running({program, busybox_rootfs(), "sleep", "1000"});
    const auto later = std::chrono::steady_clock::now() + std::chrono::microseconds(100 * round);
    while (std::chrono::steady_clock::now() < later) {  // another moment of the start in each round
    }
    running.signal(SIGKILL);
    running.wait();
  }
  // A child that is dying still holds its run directory; the start after that clears it.
  CHECK(eventually([] {
    return run({program, busybox_rootfs(), "true"}).status == 0 &&
           std::filesystem::is_empty(coracle::launch::default_run_root());
  }));
}
