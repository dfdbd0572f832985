// Lesson 2 from outside: where the program's root is, and that nobody climbs out of it.
#include <csignal>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "support/support.hpp"

using namespace coracle::test;

namespace {

const std::string program = lesson("02-chroot");

// A root file system of the test's own, with the escape in it.
class RootWithEscape {
 public:
  RootWithEscape() {
    path = scratch_.path() + "/rootfs";
    std::filesystem::copy(busybox_rootfs(), path,
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
    std::filesystem::copy_file(lesson("escape"), path + "/escape");
    std::ofstream(scratch_.path() + "/canary") << "of the host\n";
    canary = scratch_.path() + "/canary";
  }
  std::string path, canary;

 private:
  TemporaryDirectory scratch_;
};

std::string root_of(pid_t pid) { return std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/root"); }

}  // namespace

TEST_CASE("with chroot the program's root is the directory and its mounts are the host's") {
  Running running({program, "--with", "chroot", busybox_rootfs(), "sh", "-c", "echo ready; exec sleep 1000"});
  running.read_until("ready\n");
  CHECK(root_of(running.child()) == std::filesystem::canonical(busybox_rootfs()));
  CHECK(namespace_of(running.child(), "mnt") == namespace_of(getpid(), "mnt"));
  running.signal(SIGTERM);
  running.wait();
}

TEST_CASE("with pivot_root the new root is a mount and the only one") {
  Running running({program, busybox_rootfs(), "sh", "-c", "echo ready; exec sleep 1000"});
  running.read_until("ready\n");
  CHECK(namespace_of(running.child(), "mnt") != namespace_of(getpid(), "mnt"));
  const std::string mounts = coracle::kernel::read_file("/proc/" + std::to_string(running.child()) + "/mountinfo");
  CHECK(std::count(mounts.begin(), mounts.end(), '\n') == 1);
  running.signal(SIGTERM);
  running.wait();
}

TEST_CASE("the escape leaves a chroot and does not leave a pivot_root") {
  const RootWithEscape root;
  CHECK(run({program, "--with", "chroot", root.path, "cat", root.canary}).status != 0);
  const Result out = run({program, "--with", "chroot", root.path, "/escape", "cat", root.canary});
  CHECK(out.status == 0);
  CHECK(out.out == "of the host\n");
  const Result in = run({program, "--with", "pivot_root", root.path, "/escape", "cat", root.canary});
  CHECK(in.status != 0);
  CHECK(in.out.empty());
}

TEST_CASE("what the program mounts is not seen on the host") {
  const std::string before = coracle::kernel::read_file("/proc/self/mountinfo");
  Running running({program, busybox_rootfs(), "sh", "-c", "mount -t tmpfs none /mnt && echo ready; exec sleep 1000"});
  running.read_until("ready\n");
  CHECK(coracle::kernel::read_file("/proc/self/mountinfo") == before);
  running.signal(SIGTERM);
  running.wait();
}

TEST_CASE("a root that is not there or not a directory is one clear error") {
  for (const std::string& root : {std::string("/no/such/root"), std::string("/etc/passwd")}) {
    const Result result = run({program, root, "true"});
    CHECK(result.status == 125);
    CHECK(result.err.find(root) != std::string::npos);
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  }
  CHECK(run({program, "--with", "magic", busybox_rootfs(), "true"}).status == 125);
  CHECK(run({program, busybox_rootfs()}).status == 125);
}
