// The ground floor: errors, the flight recorder, descriptors, trees.
#include <filesystem>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/inode.hpp"
#include "kernel/mount.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "support/support.hpp"

using namespace coracle;

TEST_CASE("an error says what was tried, what the kernel answered and what to do") {
  const kernel::Error error("mount overlay on /x", EINVAL, "use another file system");
  CHECK(std::string(error.what()) == "mount overlay on /x: EINVAL (Invalid argument): use another file system");
  CHECK(std::string(kernel::Error("read --memory 5x", 0, "allowed are ...").what()) ==
        "read --memory 5x: allowed are ...");
}

TEST_CASE("an error in a child reaches the parent whole") {
  kernel::start_recorder(false);
  const kernel::Child child = kernel::clone3(0);
  if (child.pid == 0) {
    kernel::leave_failure(kernel::Error("try something", ENOSPC, "make room").with_status(126));
    _exit(1);
  }
  kernel::wait(child.pidfd);
  kernel::Error error("", 0);
  REQUIRE(kernel::take_failure(error));
  CHECK(error.attempt() == "try something");
  CHECK(error.code() == ENOSPC);
  CHECK(error.hint() == "make room");
  CHECK(error.status() == 126);
  CHECK(!kernel::take_failure(error));
}

TEST_CASE("the recorder notes calls of both sides when asked, and none when not") {
  for (const bool on : {true, false}) {
    kernel::start_recorder(on);
    const kernel::Child child = kernel::clone3(0);
    if (child.pid == 0) {
      kernel::this_is_the_child();
      kernel::exists("/");
      kernel::note_call([] { return mkdir("/", 0700); }, "mkdir /");
      _exit(0);
    }
    kernel::wait(child.pidfd);
    bool seen = false;
    for (const kernel::Event& event : kernel::recorded_events()) {
      seen = seen || (std::string(event.text) == "mkdir /" && event.child == 1 && event.error == EEXIST);
    }
    CHECK(seen == on);
  }
  kernel::start_recorder(false);
}

TEST_CASE("a file is replaced at once: who has the old one open keeps it") {
  const test::TemporaryDirectory scratch;
  const std::string path = scratch.path() + "/file";
  kernel::create_file(path, "old");
  const kernel::Fd old = kernel::open(path, O_RDONLY);
  kernel::replace_file(path, "new", 0600);
  CHECK(kernel::read_all(old) == "old");
  CHECK(kernel::read_file(path) == "new");
  CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::others_all) ==
        std::filesystem::perms::none);
  CHECK(kernel::list(kernel::open(scratch.path(), O_RDONLY | O_DIRECTORY)) == std::vector<std::string>{"file"});
}

TEST_CASE("a path in a root stays in the root") {
  const test::TemporaryDirectory scratch;
  const std::string root = scratch.path() + "/root";
  std::filesystem::create_directories(root + "/etc");
  kernel::create_file(scratch.path() + "/canary", "outside");
  kernel::create_file(root + "/canary", "inside");
  std::filesystem::create_symlink("../../../../../canary", root + "/etc/up");
  std::filesystem::create_symlink(scratch.path() + "/canary", root + "/etc/absolute");
  std::filesystem::create_symlink("/canary", root + "/etc/top");
  const kernel::Fd fd = kernel::open(root, O_PATH);
  CHECK(kernel::read_all(kernel::open_in_root(fd, "/etc/up", O_RDONLY)) == "inside");
  CHECK(kernel::read_all(kernel::open_in_root(fd, "etc/top", O_RDONLY)) == "inside");
  CHECK(kernel::read_all(kernel::open_in_root(fd, "../../canary", O_RDONLY)) == "inside");
  CHECK_THROWS_AS(kernel::open_in_root(fd, "etc/absolute", O_RDONLY), kernel::Error);
  CHECK_THROWS_AS(kernel::open_in_root(fd, "/proc/self/root", O_RDONLY), kernel::Error);
}

TEST_CASE("directories are made inside a root even through links that point out of it") {
  const test::TemporaryDirectory scratch;
  const std::string root = scratch.path() + "/root";
  std::filesystem::create_directories(root + "/real");
  std::filesystem::create_directory(scratch.path() + "/outside");
  std::filesystem::create_symlink("../../../../real", root + "/link");
  const kernel::Fd fd = kernel::open(root, O_PATH);
  kernel::make_directories_in_root(fd, "/link/a/../b/c");
  CHECK(std::filesystem::is_directory(root + "/real/b/c"));
  CHECK(std::filesystem::is_empty(scratch.path() + "/outside"));
}

TEST_CASE("a tree is removed whole, however deep, and links in it are not followed") {
  const test::TemporaryDirectory scratch;
  std::filesystem::create_directory(scratch.path() + "/kept");
  kernel::create_file(scratch.path() + "/kept/file", "kept");
  REQUIRE(mkdir((scratch.path() + "/tree").c_str(), 0755) == 0);
  kernel::Fd at = kernel::open(scratch.path() + "/tree", O_PATH);
  for (int level = 0; level < 5000; ++level) {
    REQUIRE(mkdirat(at.get(), "d", 0755) == 0);
    REQUIRE(symlinkat((scratch.path() + "/kept").c_str(), at.get(), "link") == 0);
    at = kernel::openat(at, "d", O_PATH);
  }
  at.close();
  kernel::remove_tree(scratch.path() + "/tree");
  CHECK(!kernel::exists(scratch.path() + "/tree"));
  CHECK(kernel::read_file(scratch.path() + "/kept/file") == "kept");
  kernel::remove_tree(scratch.path() + "/tree");  // nothing there is not an error
}

TEST_CASE("a tree is removed up to what is mounted in it, which is left alone") {
  const test::TemporaryDirectory scratch;
  const std::string other = scratch.path() + "/other";
  const std::string tree = scratch.path() + "/tree";
  kernel::make_directories(other);
  kernel::make_directories(tree + "/in/mounted");
  kernel::create_file(other + "/precious", "");
  for (const std::string& place : {tree + "/in/mounted", tree}) {
    REQUIRE(mount(other.c_str(), place.c_str(), nullptr, MS_BIND, nullptr) == 0);
    try {
      kernel::remove_tree(tree);
      FAIL("it was removed");
    } catch (const kernel::Error& error) {
      CHECK(error.code() == EBUSY);
    }
    CHECK(kernel::exists(other + "/precious"));
    REQUIRE(umount2(place.c_str(), MNT_DETACH) == 0);
  }
  kernel::remove_tree(tree);
  CHECK(!kernel::exists(tree));
}

TEST_CASE("two may remove a tree at the same time") {
  const test::TemporaryDirectory scratch;
  const std::string tree = scratch.path() + "/tree";
  for (int round = 0; round < 50; ++round) {
    for (int number = 0; number < 10; ++number)
      std::filesystem::create_directories(tree + "/" + std::to_string(number) + "/a/b/c");
    const kernel::Child child = kernel::clone3(0);
    if (child.pid == 0) {
      try {
        kernel::remove_tree(tree);
        _exit(0);
      } catch (const kernel::Error&) {
        _exit(1);
      }
    }
    CHECK_NOTHROW(kernel::remove_tree(tree));
    CHECK(kernel::wait(child.pidfd).status() == 0);
    CHECK(!kernel::exists(tree));
  }
}

TEST_CASE("a process is signalled and waited for by its pidfd") {
  const kernel::Child child = kernel::clone3(0);
  if (child.pid == 0) {
    pause();
    _exit(0);
  }
  CHECK(kernel::send_signal(child.pidfd, SIGKILL));
  const kernel::Ending ending = kernel::wait(child.pidfd);
  CHECK(ending.killed);
  CHECK(ending.status() == 137);
  CHECK(!kernel::send_signal(child.pidfd, SIGKILL));
}

TEST_CASE("signals have names and numbers") {
  CHECK(kernel::signal_number("TERM") == SIGTERM);
  CHECK(kernel::signal_number("SIGKILL") == SIGKILL);
  CHECK(kernel::signal_number("9") == SIGKILL);
  CHECK(!kernel::signal_number("NOPE"));
  CHECK(kernel::signal_name(SIGINT) == "SIGINT");
}
