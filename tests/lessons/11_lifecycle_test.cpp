// Lesson 11 from outside: containers that outlive the command, and what is known of them when somebody was killed.
#include <csignal>
#include <filesystem>

#include <fmt/format.h>

#include "kernel/process.hpp"
#include "support/support.hpp"

using namespace coracle;
using namespace coracle::test;
namespace fs = std::filesystem;

namespace {

// A directory with containers/ in it, whose containers are removed at the end.
class Boat {
 public:
  ~Boat() {
    if (!fs::exists(directory_.path() + "/containers")) return;
    for (const auto& entry : fs::directory_iterator(directory_.path() + "/containers")) {
      const std::string name = entry.path().filename();
      if (fs::exists(file(name, "process"))) ::kill(inside(name), SIGKILL);
      eventually([&] { return run({"rm", name}).status == 0; });
    }
  }

  Result run(const std::vector<std::string>& words, const std::string& input = {}) const {
    std::vector<std::string> all = {"env", "-C", directory_.path(), lesson("11-lifecycle")};
    all.insert(all.end(), words.begin(), words.end());
    return test::run(all, input);
  }
  void start(const std::string& name, const std::string& script) const {
    const Result started = run({"run", name, busybox_rootfs(), "sh", "-c", script});
    INFO(started.err);
    REQUIRE(started.status == 0);
  }
  std::string out(const std::vector<std::string>& words) const { return run(words).out; }
  std::string file(const std::string& name, const std::string& what) const {
    return fmt::format("{}/containers/{}/{}", directory_.path(), name, what);
  }
  pid_t inside(const std::string& name) const { return kernel::noted_pid(kernel::read_file(file(name, "process"))); }
  pid_t supervisor(const std::string& name) const {
    return std::stoi(test::run({"ps", "-o", "ppid=", std::to_string(inside(name))}).out);
  }
  bool says(const std::string& name, const std::string& state) const {
    return eventually([&] { return out({"ps"}).find(fmt::format("{:<12} {}\n", name, state)) != std::string::npos; });
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace

TEST_CASE("lesson 11 comes back while its container runs, in a session of its own") {
  const Boat boat;
  boat.start("one", "echo begun; exec sleep 1000");
  CHECK(boat.says("one", "running"));
  const pid_t supervisor = boat.supervisor("one");
  CHECK(getsid(supervisor) != getsid(0));
  CHECK(getsid(supervisor) != supervisor);  // a leader could get a terminal
  CHECK(eventually([&] { return boat.out({"logs", "one"}) == "begun\n"; }));
  CHECK(boat.run({"rm", "one"}).status == 125);
  CHECK(boat.run({"run", "one", busybox_rootfs(), "true"}).status == 125);
}

TEST_CASE("lesson 11 keeps all that was printed, and how it ended") {
  const Boat boat;
  boat.start("one", "seq 100000; echo to stderr >&2; exit 7");
  CHECK(boat.out({"wait", "one"}) == "7\n");
  const std::string log = boat.out({"logs", "one"});
  CHECK(log.size() == 588895 + 10);
  CHECK(log.ends_with("\n100000\nto stderr\n"));
  CHECK(boat.out({"ps"}) == "NAME         STATE\none          exited (7)\n");
}

TEST_CASE("who attaches to lesson 11's container types to it and sees what it prints") {
  const Boat boat;
  boat.start("one", "exec sh");
  CHECK(boat.run({"attach", "one"}, "echo $((6 * 7)); exit 3\n").out == "42\n");
  CHECK(boat.out({"wait", "one"}) == "3\n");
}

TEST_CASE("a reader of lesson 11 that does not read keeps nobody waiting") {
  const Boat boat;
  boat.start("one", "read go; seq 1000000; exit 9");
  Running stuck(
      {"sh", "-c", fmt::format("cd {}/../..; exec {} attach one", boat.file("one", ""), lesson("11-lifecycle"))});
  stuck.write("\n");
  CHECK(eventually([&] { return fs::file_size(boat.file("one", "log")) > 0; }));
  stuck.signal(SIGSTOP);
  CHECK(boat.out({"wait", "one"}) == "9\n");
  CHECK(boat.out({"logs", "one"}).ends_with("\n1000000\n"));
}

TEST_CASE("lesson 11 asks a container to end, and unmakes it") {
  const Boat boat;
  boat.start("one", "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done");
  REQUIRE(eventually([&] { return boat.out({"logs", "one"}) == "ready\n"; }));
  CHECK(boat.run({"stop", "one"}).status == 0);
  CHECK(boat.out({"logs", "one"}) == "ready\nbye\n");
  CHECK(boat.out({"wait", "one"}) == "5\n");
}

TEST_CASE("a start of lesson 11 that fails says so and leaves nothing") {
  const Boat boat;
  const Result result = boat.run({"run", "one", busybox_rootfs(), "nothing"});
  CHECK(result.status == 127);
  CHECK(result.err.find("execute nothing") != std::string::npos);
  CHECK(boat.out({"ps"}) == "NAME         STATE\n");
  CHECK(boat.run({"run", "../one", busybox_rootfs(), "true"}).status == 125);
  CHECK(boat.run({"logs", "one"}).status == 125);
}

TEST_CASE("without its supervisor lesson 11's container goes on, and rm clears up after both") {
  const Boat boat;
  boat.start("one", "(while :; do echo tick; sleep 0.05; done); exec sleep $?");
  REQUIRE(::kill(boat.supervisor("one"), SIGKILL) == 0);
  CHECK(boat.says("one", "running, nobody looks after it"));
  const std::string arguments = fmt::format("/proc/{}/cmdline", boat.inside("one"));
  CHECK(eventually([&] { return kernel::read_file(arguments).starts_with(std::string("sleep\000141", 9)); }));
  CHECK(boat.run({"wait", "one"}).status == 125);
  CHECK(boat.run({"rm", "one"}).status == 125);
  ::kill(boat.inside("one"), SIGKILL);
  CHECK(boat.says("one", "dead, nobody knows how it ended"));
  CHECK(boat.run({"rm", "one"}).status == 0);
}
