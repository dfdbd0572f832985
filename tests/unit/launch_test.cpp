// A start in two steps: made up to the gate, and let through it; and the stage between us and the program.
#include "launch/launch.hpp"

#include <fmt/format.h>

#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "launch/meeting.hpp"
#include "launch/run_directory.hpp"
#include "support/support.hpp"

using namespace coracle;
using kernel::Error;

namespace {

launch::Process shell(const std::string& script) { return {.args = {"/bin/sh", "-c", script}}; }

struct Created {
  explicit Created(const launch::Process& process) {
    pid = launch::create(process, parts, {root.path(), "a-name"});
    pidfd = kernel::pidfd_open(pid);
  }

  test::TemporaryDirectory root;
  parts::Parts parts;
  pid_t pid = 0;
  kernel::Fd pidfd;
  std::string run_dir = root.path() + "/a-name";
};

}  // namespace

TEST_CASE("a created container waits at its gate until it is started") {
  Created created(shell("exit 7"));
  CHECK(launch::Gate::shut(created.run_dir));
  CHECK(kernel::send_signal(created.pidfd, 0));
  launch::start(created.run_dir);
  CHECK(!launch::Gate::shut(created.run_dir));
  CHECK(kernel::wait(created.pidfd).number == 7);
  CHECK(launch::unmake(created.root.path(), "a-name", created.parts).empty());
  CHECK(!kernel::exists(created.run_dir));
}

TEST_CASE("a container is started once") {
  Created created(shell("exec sleep 1000"));
  launch::start(created.run_dir);
  CHECK(test::message_of([&] { launch::start(created.run_dir); }).find("nobody waits at its gate") !=
        std::string::npos);
  launch::unmake(created.root.path(), "a-name", created.parts);
  CHECK(kernel::wait(created.pidfd).status() == 128 + SIGKILL);
}

TEST_CASE("a created container that is never started can be unmade") {
  Created created(shell("exit 0"));
  CHECK(launch::unmake(created.root.path(), "a-name", created.parts).empty());
  CHECK(kernel::wait(created.pidfd).status() == 128 + SIGKILL);
  CHECK(!kernel::exists(created.run_dir));
}

TEST_CASE("a program that is not there fails the creation, one that cannot be executed the start") {
  const test::TemporaryDirectory root;
  parts::Parts none;
  const launch::Options options{root.path(), "a-name"};
  CHECK(test::message_of([&] { launch::create({.args = {"/no/such/program"}}, none, options); }) ==
        "execve /no/such/program: ENOENT (No such file or directory)");
  CHECK(!kernel::exists(root.path() + "/a-name"));

  const std::string file = root.path() + "/no-program";
  kernel::create_file(file, "neither a script nor ELF\n", 0755);
  const kernel::Fd pidfd = kernel::pidfd_open(launch::create({.args = {file}}, none, options));
  CHECK(test::message_of([&] { launch::start(root.path() + "/a-name"); }).find("ENOEXEC") != std::string::npos);
  CHECK(kernel::wait(pidfd).status() == 126);
  launch::unmake(root.path(), "a-name", none);
}

TEST_CASE("the program's executable is its own, and on the way there it was a sealed copy of nothing of ours") {
  // /proc/self/exe as the program is the stage executed again: it finds no words for it and ends.
  const test::TemporaryDirectory root;
  parts::Parts none;
  const auto run = [&](const launch::Process& process) {
    return launch::run(process, none, {root.path(), "a-name"}).ending.status();
  };
  CHECK(run({.args = {"/proc/self/exe"}}) == 126);
  CHECK(run(shell("test $(readlink /proc/$$/exe) = $(readlink -f /bin/sh)")) == 0);
}

TEST_CASE("descriptors above 2 stay outside, but for those that were to be preserved") {
  const test::TemporaryDirectory root;
  parts::Parts none;
  const kernel::Fd three(fcntl(2, F_DUPFD, 3));
  const auto open_inside = [&](unsigned preserve) {
    launch::Process process = {.args = {"/usr/bin/test", "-e", fmt::format("/proc/self/fd/{}", three.get())}};
    process.preserve_fds = preserve;
    return launch::run(process, none, {root.path(), "a-name"}).ending.status() == 0;
  };
  CHECK(!open_inside(0));
  CHECK(open_inside(static_cast<unsigned>(three.get()) - 2));
}
