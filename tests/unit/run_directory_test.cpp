// The run directory: held by the living, taken over from the dead.
#include "launch/run_directory.hpp"

#include <csignal>

#include <unistd.h>

#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "launch/launch.hpp"
#include "support/support.hpp"

using namespace coracle;
using launch::RunDirectory;

namespace {

const parts::Parts none;

// Runs `action` in a child process; it has exit status 0 when nothing was thrown.
template <typename Action>
kernel::Fd in_child(Action action) {
  kernel::Child child = kernel::clone3(0);
  if (child.pid != 0) return std::move(child.pidfd);
  try {
    action();
    _exit(0);
  } catch (const std::exception& error) {
    dprintf(2, "%s\n", error.what());
    _exit(1);
  }
}

}  // namespace

TEST_CASE("a run directory is held by who made it, and may be taken over when that process is dead") {
  const test::TemporaryDirectory root;
  const kernel::Fd maker = in_child([&] {
    const RunDirectory directory(root.path(), "0123456789ab", none);
    pause();
  });
  REQUIRE(test::eventually([&] { return RunDirectory::held(root.path(), "0123456789ab"); }));
  CHECK(!RunDirectory::take_over(root.path(), "0123456789ab", none));
  kernel::send_signal(maker, SIGKILL);
  kernel::wait(maker);
  auto taken = RunDirectory::take_over(root.path(), "0123456789ab", none);
  REQUIRE(taken);
  taken->remove();
  CHECK(RunDirectory::ids(root.path()).empty());
}

TEST_CASE("starts and sweeps at the same moment do not take each other's directories") {
  const test::TemporaryDirectory root;
  std::vector<kernel::Fd> starts, sweeps;
  for (int i = 0; i < 4; ++i) {
    sweeps.push_back(in_child([&] {
      parts::Parts parts;
      while (true) launch::sweep(root.path(), parts);
    }));
    starts.push_back(in_child([&] {
      for (int round = 0; round < 300; ++round) {
        RunDirectory directory(root.path(), launch::new_id(), none);
        if (!kernel::exists(directory.path() + "/parts")) throw kernel::Error("hold " + directory.path(), ENOENT);
        directory.remove();
      }
    }));
  }
  for (const kernel::Fd& start : starts) CHECK(kernel::wait(start).status() == 0);
  for (const kernel::Fd& sweep : sweeps) {
    kernel::send_signal(sweep, SIGKILL);
    kernel::wait(sweep);
  }
}

TEST_CASE("the noted process is ended, and no later one with its number") {
  const test::TemporaryDirectory root;
  const RunDirectory directory(root.path(), "0123456789ab", none);
  const kernel::Child child = kernel::clone3(0);
  if (child.pid == 0) {
    pause();
    _exit(0);
  }
  const std::string note = kernel::process_note(child.pid);
  CHECK(kernel::noted_process(note));
  CHECK(!kernel::noted_process(note + "0"));  // the same number, started at another time
  directory.note_process(child.pid);
  directory.end_process();
  CHECK(kernel::wait(child.pidfd).status() == 137);
  CHECK(!kernel::noted_process(note));
}
