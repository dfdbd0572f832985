// containerd with coracle-oci in place of runc: `ctr run` starts the shim of runc, version 2, which calls the program
// that the option --runc-binary (BinaryName) names.
#include <csignal>

#include <fmt/format.h>

#include "e2e/runtimes.hpp"
#include "support/at_terminal.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

constexpr const char* kNamespace = "coracle-e2e-containerd";  // of containerd, and so the name of its groups

// A containerd with a place of its own, and ctr beside it.
class Containerd {
 public:
  Containerd() : daemon_({"containerd", "--config", write_config()}) {
    REQUIRE(eventually([&] { return (*this)({"version"}).status == 0; }));
  }
  ~Containerd() {
    for (const std::string& name : names_) {
      (*this)({"task", "rm", "--force", name});
      (*this)({"container", "rm", name});
    }
    daemon_.signal(SIGTERM);
    daemon_.wait();
    remove_groups(kNamespace);
  }

  Words command(const Words& words) const {
    Words all = {"ctr", "--address", directory_.path() + "/socket", "--namespace", kNamespace};
    all.insert(all.end(), words.begin(), words.end());
    return all;
  }
  Result operator()(const Words& words, const std::string& input = {}) const { return run(command(words), input); }

  // ctr run OPTIONS, in busybox's root.
  Words run_words(const std::string& runtime, const Words& options, const std::string& name, const Words& program) {
    names_.push_back(name);
    Words words = {"run", "--runc-binary", runtime, "--runc-root", directory_.path() + "/runtime", "--rootfs"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {busybox_rootfs(), name});
    words.insert(words.end(), program.begin(), program.end());
    return words;
  }

  // What `ctr task ls` says of it: RUNNING, PAUSED, STOPPED; "" when it has no task.
  std::string status_of(const std::string& name) const {
    return run({"awk", "$1 == \"" + name + "\" { printf \"%s\", $3 }"}, (*this)({"task", "ls"}).out).out;
  }

 private:
  std::string write_config() const {
    const std::string path = directory_.path() + "/config.toml";
    kernel::create_file(path, fmt::format("version = 2\nroot = \"{0}/root\"\nstate = \"{0}/state\"\n"
                                          "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n"
                                          "[grpc]\naddress = \"{0}/socket\"\n[ttrpc]\naddress = \"{0}/ttrpc\"\n",
                                          directory_.path()));
    return path;
  }

  TemporaryDirectory directory_;
  Running daemon_;
  Words names_;
};

}  // namespace

TEST_CASE("containerd runs, enters, pauses and ends a container with coracle-oci as with runc") {
  if (!has_program("containerd") || !has_program("ctr")) SKIP_WITHOUT("containerd");
  Containerd containerd;
  for (const std::string& runtime : runtimes()) {
    INFO(runtime);
    const auto ran = [&](const Words& options, const std::string& name, const Words& program) {
      return containerd(containerd.run_words(runtime, options, name, program));
    };
    const Result failing = ran({"--rm"}, "one", {"/bin/sh", "-c", "echo out; echo err >&2; id -u; pwd; exit 3"});
    CHECK(failing.out == "out\n0\n/\n");
    CHECK(failing.err.rfind("err\n", 0) == 0);
    CHECK(failing.status == 3);
    CHECK(ran({"--rm", "--env", "A=b", "--cwd", "/tmp", "--memory-limit", "67108864"}, "two",
              {"/bin/sh", "-c", "echo $A; pwd"})
              .out == "b\n/tmp\n");
    CHECK(ran({"--rm"}, "three", {"/no/such/program"}).status == 1);

    const Result started = ran({"-d"}, "box", {"/bin/sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.1; done"});
    INFO(started.err);
    REQUIRE(started.status == 0);
    CHECK(containerd.status_of("box") == "RUNNING");
    const Result inside = containerd({"task", "exec", "--exec-id", "a", "box", "/bin/sh", "-c", "echo inside; exit 4"});
    CHECK(inside.out == "inside\n");
    CHECK(inside.status == 4);
    CHECK(containerd(
              {"task", "exec", "--exec-id", "b", "--user", "33", "--cwd", "/tmp", "box", "/bin/sh", "-c", "id -u; pwd"})
              .out == "33\n/tmp\n");
    CHECK(containerd({"task", "exec", "--exec-id", "c", "box", "/no/such/program"}).status != 0);
    CHECK(containerd({"task", "metrics", "box"}).status == 0);
    CHECK(containerd({"task", "ps", "box"}).status == 0);

    CHECK(containerd({"task", "pause", "box"}).status == 0);
    CHECK(containerd.status_of("box") == "PAUSED");
    CHECK(containerd({"task", "resume", "box"}).status == 0);
    CHECK(containerd.status_of("box") == "RUNNING");

    CHECK(containerd({"task", "kill", "--signal", "SIGTERM", "box"}).status == 0);
    CHECK(eventually([&] { return containerd.status_of("box") == "STOPPED"; }));
    CHECK(containerd({"task", "rm", "box"}).err.find("non-zero exit code 5") != std::string::npos);
    CHECK(containerd({"container", "rm", "box"}).status == 0);
    CHECK(containerd.status_of("box").empty());
  }
}

TEST_CASE("containerd gives a person a terminal with coracle-oci as with runc") {
  if (!has_program("containerd") || !has_program("ctr")) SKIP_WITHOUT("containerd");
  Containerd containerd;
  for (const std::string& runtime : runtimes()) {
    INFO(runtime);
    AtTerminal person(containerd.command(containerd.run_words(runtime, {"--rm", "-t"}, "box", {"/bin/sh"})), 31, 97);
    person.read_until("#");
    person.type("tty; stty size; exit 4\n");
    person.read_until("/dev/pts/0");
    person.read_until("31 97");
    CHECK(person.wait() == 4);
  }
}
