// Published faults in entering a running container, tried on `coracle exec` and `coracle-oci exec`. What a container
// that watches the entering process can do is in terminal_test.cpp.
//
//   CVE-2019-5736                  a hundred entries while the container opens every /proc/PID/exe for writing
//   CVE-2024-21626                 exec -w /proc/self/fd/N, and the descriptors of who enters
//   CVE-2026-30892, 2024-40635,
//   2026-46680                     exec -u: who was named, or an error; never root by a number
//   CVE-2022-29162                 no inheritable capability
//   CVE-2026-55686                 exec -w behind a link of the container
//   CVE-2021-3602                  the environment of who enters stays outside
//   CVE-2022-1227                  no program of the container serves the one who enters
#include <csignal>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "hostile/hostile.hpp"
#include "kernel/fd.hpp"
#include "support/bundle.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

// A running container of `coracle run` or of coracle-oci, and the way into it.
class Box {
 public:
  virtual ~Box() = default;
  virtual Result exec(const Words& options, const Words& command) const = 0;
  virtual std::string program() const = 0;  // the executable of ours that enters
};

class EngineBox : public Box {
 public:
  explicit EngineBox(const std::string& script) {
    running_ = std::make_unique<Running>(home_.command(HostileHome::start_words(
        {"--name=box"}, "busybox", {"sh", "-c", script + "echo ready; while :; do sleep 1000; done"})));
    running_->read_until("ready\n");
  }
  ~EngineBox() override {
    kill(running_->child(), SIGKILL);
    running_->wait();
  }
  Result exec(const Words& options, const Words& command) const override {
    Words words = {"exec"};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back("box");
    words.insert(words.end(), command.begin(), command.end());
    return home_.run(words);
  }
  std::string program() const override { return test::coracle(); }

 private:
  HostileHome home_;
  std::unique_ptr<Running> running_;
};

class BundleBox : public Box {
 public:
  explicit BundleBox(const std::string& script)
      : bundle_({"sh", "-c", script + "echo ready; while :; do sleep 1000; done"}) {
    bundle_.start("box");
    REQUIRE(eventually([&] { return contains(bundle_.printed(), "ready\n"); }));
  }
  Result exec(const Words& options, const Words& command) const override {
    Words words = {"exec"};
    for (const std::string& option : options) words.push_back(option == "-w" ? "--cwd" : option);
    words.push_back("box");
    words.insert(words.end(), command.begin(), command.end());
    return bundle_.oci(words);
  }
  std::string program() const override { return coracle_oci(); }

 private:
  Bundle bundle_;
};

// One of each, whose first process has run `script`.
std::vector<std::unique_ptr<Box>> boxes(const std::string& script = "") {
  std::vector<std::unique_ptr<Box>> all;
  all.push_back(std::make_unique<EngineBox>(script));
  all.push_back(std::make_unique<BundleBox>(script));
  return all;
}

}  // namespace

TEST_CASE("a container that opens the executable of all who enter changes none of ours") {
  // Written to for append, as the file must not be truncated when it works; and kept open to write to it later.
  const std::string attack =
      "(while :; do for p in /proc/[0-9]*; do [ $p = /proc/1 ] || (echo x >>$p/exe) 2>/dev/null; done; done) & ";
  for (const auto& box : boxes(attack)) {
    const std::string before = sha256(read_file(box->program()));
    for (int round = 0; round < 50; ++round) {
      const Result result = box->exec({}, {"/proc/self/exe", "--help"});
      CHECK_FALSE(contains(result.out, "oracle"));
      CHECK(box->exec({}, {"echo", "in"}).out == "in\n");
    }
    CHECK(sha256(read_file(box->program())) == before);
  }
}

TEST_CASE("a directory of /proc/self/fd/N leads one who enters nowhere outside, and nothing else is open") {
  const Canary canary;
  const int leak = open(canary.path().c_str(), O_RDONLY | O_DIRECTORY);  // inherited by all that we start
  REQUIRE(leak >= 0);
  for (const auto& box : boxes()) {
    CHECK(box->exec({}, {"sh", "-c", "echo /proc/$$/fd/*"}).out.find("/fd/3 ") == std::string::npos);
    for (int number = 0; number <= 12; ++number) {
      const Result result = box->exec({"-w", fmt::format("/proc/self/fd/{}", number)},
                                      {"sh", "-c", "cat file; cat ../../../../../../.." + canary.path() + "/file"});
      INFO(number << ": " << result.out << result.err);
      CHECK_FALSE(contains(result.out, "secret"));
      CHECK(result.status != 0);
    }
  }
  close(leak);
  CHECK(canary.is_untouched());
}

TEST_CASE("a directory behind a link of the container is looked for inside") {
  const Canary canary;
  const std::string links = "ln -s " + canary.path() + " /link; ln -s ../../../../.." + canary.path() + " /up; ";
  for (const auto& box : boxes(links)) {
    for (const std::string directory : {"/link", "/link/made", "/up/made", "/proc/1/root/link"}) {
      const Result result = box->exec({"-w", directory}, {"cat", "file"});
      INFO(directory << ": " << result.err);
      CHECK_FALSE(contains(result.out, "secret"));
      CHECK(canary.is_untouched());
    }
  }
}

TEST_CASE("who enters is the user that was named, or stays outside") {
  const std::string users =
      "echo '1000:x:0:0::/:/bin/sh' >>/etc/passwd; echo 'big:x:4294967296:4294967296::/:/bin/sh' >>/etc/passwd; ";
  for (const auto& box : boxes(users)) {
    const auto ids = [&](const std::string& user) { return box->exec({"-u", user}, {"sh", "-c", "id -u; id -g"}); };
    CHECK(ids("1").out.rfind("1\n", 0) == 0);
    CHECK(ids("7:9").out == "7\n9\n");
    CHECK(ids("1000").out.rfind("1000\n", 0) == 0);
    CHECK(ids("0:5").out == "0\n5\n");
    for (const std::string user : {"-1", "4294967295", "4294967296", "2147483648", "1:4294967296", "1:-1",
                                   "nobody-here", "1:nobody-here", "big", "0x1", " 1", "1 "}) {
      const Result result = ids(user);
      INFO(box->program() << ": " << user << ": " << result.out);
      CHECK(result.status != 0);
      CHECK(result.out.empty());
    }
  }
}

TEST_CASE("who enters inherits no capability and no variable of ours") {
  setenv("CORACLE_TEST_SENTINEL", "sentinel-7d1f", 1);
  for (const auto& box : boxes()) {
    for (const Words& options : {Words{}, Words{"-u", "33:33"}}) {
      const Result result = box->exec(options, {"sh", "-c", "grep CapInh /proc/self/status; cat /proc/self/environ"});
      CHECK(contains(result.out, "CapInh:\t0000000000000000"));
      CHECK_FALSE(contains(result.out, "sentinel-7d1f"));
    }
  }
  unsetenv("CORACLE_TEST_SENTINEL");
}

TEST_CASE("no program of a container is run for the one who enters it") {
  const std::string traps =
      "for name in nsenter ps top newuidmap nft ip mount modprobe id getent; do rm -f /bin/$name /sbin/$name "
      "/usr/bin/$name /usr/sbin/$name; printf '#!/bin/sh\\necho trapped >>/trapped\\n' >/bin/$name; chmod 755 "
      "/bin/$name; done; ";
  for (const auto& box : boxes(traps)) {
    CHECK(box->exec({"-u", "33:33"}, {"echo", "in"}).out == "in\n");
    CHECK(box->exec({}, {"test", "-e", "/trapped"}).status == 1);
  }
}
