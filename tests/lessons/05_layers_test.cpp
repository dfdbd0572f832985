// Lesson 5 from outside: the mount as the kernel has it, what is seen in the stack, what is left afterwards.
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "kernel/error.hpp"
#include "parts/layers.hpp"
#include "support/archive.hpp"
#include "support/support.hpp"

using namespace coracle;
using namespace coracle::test;
namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Layers on top of busybox, and the lesson run on them.
struct Stack {
  TemporaryDirectory directory;
  std::vector<std::string> archives = {busybox_layer()};

  void add(const Tar& tar) {
    archives.push_back(directory.path() + "/" + std::to_string(archives.size()) + ".tar");
    write_file(archives.back(), tar.bytes());
  }

  std::vector<std::string> command(const std::vector<std::string>& words) const {
    std::vector<std::string> command = {lesson("05-layers")};
    for (const std::string& archive : archives) command.insert(command.end(), {"--layer", archive});
    command.insert(command.end(), words.begin(), words.end());
    return command;
  }

  Result run(const std::vector<std::string>& words) const { return test::run(command(words)); }
  std::string sh(const std::string& script) const {
    const Result result = run({"sh", "-c", script});
    INFO(result.err);
    CHECK(result.status == 0);
    return result.out;
  }
};

// The line of / in a process's mountinfo.
std::string root_mount(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/mountinfo");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string word;
    for (int field = 0; field < 5; ++field) words >> word;
    if (word == "/") return line;
  }
  return "none";
}

// Runs the part in a child with a mount namespace of its own, then `look`, which sees the mounted root. Gives what
// either threw, or "" when all went well.
std::string with_layers(const parts::LayerOptions& options, const std::string& run_dir,
                        const std::function<bool(const std::string&)>& look) {
  parts::Context context;
  context.id = "0123456789ab";
  context.run_dir = run_dir;
  const auto part = parts::make_layers(options);
  std::string said;
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    try {
      unshare(CLONE_NEWNS);
      mount(nullptr, "/", nullptr, MS_PRIVATE | MS_REC, nullptr);
      part->prepare(context);
      part->enter(context);
      said = look(context.rootfs) ? "" : "it looks otherwise";
    } catch (const kernel::Error& error) {
      said = error.what();
    }
    _exit(write(ends[1], said.data(), said.size()) < 0);
  }
  close(ends[1]);
  char buffer[4096];
  ssize_t count = 0;
  while ((count = read(ends[0], buffer, sizeof buffer)) > 0) said.append(buffer, static_cast<std::size_t>(count));
  close(ends[0]);
  waitpid(child, nullptr, 0);
  CHECK(part->release(context).empty());
  CHECK(part->release(context).empty());  // a second time there is nothing to do
  return said;
}

}  // namespace

TEST_CASE("the root is an overlay of the layers, the last one on top") {
  Stack stack;
  stack.add(Tar().directory("etc").file("etc/motd", "first").file("etc/one", "1"));
  stack.add(Tar().directory("etc").file("etc/motd", "second"));
  Running running(stack.command({"sh", "-c", "cat /etc/motd /etc/one; echo; echo ready; read line"}));
  CHECK(running.read_until("ready\n") == "second1\nready\n");
  const std::string mount = root_mount(running.child());
  INFO(mount);
  CHECK(contains(mount, " - overlay "));
  CHECK(!contains(mount, "volatile"));  // the tests' directories are in memory
  CHECK(contains(mount, "/layer-2:"));
  CHECK(mount.find("/layer-2:") < mount.find("/layer-1:"));
  running.close_input();
  running.wait();
}

TEST_CASE("on a disk the overlay does not wait for it") {
  const std::string scratch = build("scratch-of-a-test");
  kernel::make_directories(scratch);
  struct statfs status {};
  REQUIRE(statfs(scratch.c_str(), &status) == 0);
  if (status.f_type == TMPFS_MAGIC) SKIP_WITHOUT("build directory on a disk");
  if (status.f_type == OVERLAYFS_SUPER_MAGIC) SKIP_WITHOUT("build directory on a file system that overlayfs takes");
  const auto is_volatile = [](const std::string& root) {
    std::ifstream file("/proc/self/mountinfo");
    std::string line;
    while (std::getline(file, line)) {
      if (contains(line, " " + root + " ")) return contains(line, "volatile");
    }
    return false;
  };
  const TemporaryDirectory run_dir;
  const std::string said =
      with_layers({.lower = {busybox_rootfs()}, .scratch_dir = scratch}, run_dir.path(), is_volatile);
  kernel::remove_tree(scratch);
  CHECK(said == "");
}

TEST_CASE("whiteouts and opaque directories hide what the layers below have, also when the directory is made again") {
  Stack stack;
  stack.add(Tar().file("d/low").file("o/low").file("gone").file("r/low").file("kept"));
  stack.add(Tar()
                .file(".wh.gone")
                .file("o/.wh..wh..opq")
                .file("o/high")
                .file(".wh.r")
                .directory("r")
                .file("r/high")
                .file("d/high")
                .file(".wh.not-there"));
  CHECK(stack.sh("ls -d /gone /kept /d/* /o/* /r/* 2>/dev/null; true") == "/d/high\n/d/low\n/kept\n/o/high\n/r/high\n");
}

TEST_CASE("what the program changes is gone with it, and the archives are as before") {
  Stack stack;
  stack.add(Tar().file("f", "old"));
  const std::string before = snapshot(stack.directory.path());
  CHECK(stack.sh("echo new > /f; rm -r /bin/../etc; cat /f") == "new\n");
  CHECK(stack.sh("cat /f; test -d /etc && echo there") == "oldthere\n");
  CHECK(snapshot(stack.directory.path()) == before);
}

TEST_CASE("--show-diff lists what the program added, changed and deleted") {
  Stack stack;
  stack.add(Tar()
                .directory("w")
                .file("w/changed", "x")
                .file("w/deleted")
                .directory("w/dir")
                .file("w/dir/a")
                .file("w/dir/b")
                .directory("w/mode")
                .file("w/renamed"));
  const Result result =
      stack.run({"--show-diff", "sh", "-c",
                 "cd /w; echo y >> changed; rm deleted; echo n > new; rm -r dir; mkdir dir; echo > dir/b; echo > dir/c;"
                 "chmod 700 mode; mv renamed moved; mkdir -p a/b"});
  CHECK(result.status == 0);
  CHECK(result.err ==
        "C /w\nA /w/a\nA /w/a/b\nC /w/changed\nD /w/deleted\nC /w/dir\nD /w/dir/a\nC /w/dir/b\nA /w/dir/c\nC "
        "/w/mode\nA /w/moved\nA /w/new\nD /w/renamed\n");
}

TEST_CASE("a program that changes nothing has no diff, and its status is ours") {
  const Stack stack;
  const Result result = stack.run({"--show-diff", "sh", "-c", "exit 7"});
  CHECK(result.status == 7);
  CHECK(result.err.empty());
}

TEST_CASE("128 layers work") {
  Stack stack;
  for (int number = 1; number < 128; ++number) {
    stack.add(Tar().file("f" + std::to_string(number)).file("top", std::to_string(number)));
  }
  Running running(stack.command({"sh", "-c", "cat /top; echo; ls / | grep -c '^f[0-9]'; echo ready; read line"}));
  CHECK(running.read_until("ready\n") == "127\n127\nready\n");
  const std::string mount = root_mount(running.child());
  INFO(mount);
  CHECK(contains(mount, " - overlay "));
  running.close_input();
  running.wait();
}

TEST_CASE("a path may have the characters of overlayfs's options in it") {
  const Stack stack;
  const std::string run_root = stack.directory.path() + "/a:b,c\\d";
  std::vector<std::string> command = stack.command({"sh", "-c", "echo x > /new; cat /new"});
  command.insert(command.begin(), {"env", "CORACLE_RUN=" + run_root});
  const Result result = run(command);
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(result.out == "x\n");
  CHECK(fs::is_empty(run_root));
}

TEST_CASE("upperdir on overlay itself is an error that says what to do") {
  const Stack stack;
  const std::string base = stack.directory.path();
  for (const char* name : {"/lower", "/upper", "/work", "/merged"}) fs::create_directory(base + name);
  const std::string options = "lowerdir=" + base + "/lower,upperdir=" + base + "/upper,workdir=" + base + "/work";
  REQUIRE(mount("overlay", (base + "/merged").c_str(), "overlay", 0, options.c_str()) == 0);
  std::vector<std::string> command = stack.command({"true"});
  command.insert(command.begin(), {"env", "CORACLE_RUN=" + base + "/merged/run"});
  const Result result = run(command);
  const bool clean = fs::is_empty(base + "/merged/run");
  REQUIRE(umount((base + "/merged").c_str()) == 0);
  CHECK(result.status == 125);
  CHECK(contains(result.err, "EINVAL"));
  CHECK(contains(result.err, "upperdir is on overlay itself; use a directory on another file system"));
  CHECK(clean);
}

TEST_CASE("no layer, a missing one and a damaged one are errors, with nothing left behind") {
  Stack stack;
  const Result none = run({lesson("05-layers"), "true"});
  CHECK(none.status == 125);
  CHECK(contains(none.err, "--layer"));
  stack.archives.push_back(stack.directory.path() + "/missing.tar");
  const Result missing = stack.run({"true"});
  CHECK(missing.status == 125);
  CHECK(contains(missing.err, "missing.tar"));
  CHECK(contains(missing.err, "ENOENT"));
  write_file(stack.archives.back(), gzip(Tar().file("../out").bytes()));
  const Result hostile = stack.run({"true"});
  CHECK(hostile.status == 125);
  CHECK(contains(hostile.err, "at entry ../out"));
  write_file(stack.archives.back(), read_file(busybox_layer()).substr(0, 200'000));
  CHECK(contains(stack.run({"true"}).err, "cut off"));
}

TEST_CASE("what a killed start left is cleared away by the next") {
  const Stack stack;
  TemporaryDirectory run_root;
  std::vector<std::string> command = stack.command({"sh", "-c", "echo > /new; echo ready; read line"});
  command.insert(command.begin(), {"env", "CORACLE_RUN=" + run_root.path()});
  Running running(command);
  running.read_until("ready\n");
  running.signal(SIGKILL);
  running.wait();
  CHECK_FALSE(fs::is_empty(run_root.path()));
  command.back() = "true";
  CHECK(run(command).status == 0);
  CHECK(fs::is_empty(run_root.path()));
}

TEST_CASE("a layer given twice counts where it is highest") {
  const TemporaryDirectory directory;
  const std::string base = directory.path();
  for (const char* name : {"/a", "/b", "/run"}) fs::create_directory(base + name);
  write_file(base + "/a/f", "a");
  write_file(base + "/b/f", "b");
  write_file(base + "/b/g", "b");
  const auto look = [](const std::string& root) {
    return read_file(root + "/f") == "a" && read_file(root + "/g") == "b";
  };
  CHECK(with_layers({.lower = {base + "/a", base + "/b", base + "/a"}}, base + "/run", look).empty());
  CHECK(fs::is_empty(base + "/run"));
}

TEST_CASE("a layer with an opaque root hides the layers below it, and its root lends owner and mode") {
  const TemporaryDirectory directory;
  const std::string base = directory.path();
  for (const char* name : {"/a", "/b", "/run"}) fs::create_directory(base + name);
  write_file(base + "/a/f", "a");
  REQUIRE(setxattr((base + "/b").c_str(), "trusted.overlay.opaque", "y", 1, 0) == 0);
  REQUIRE(chown((base + "/b").c_str(), 12, 34) == 0);
  REQUIRE(chmod((base + "/b").c_str(), 01775) == 0);
  const auto look = [](const std::string& root) {
    struct stat status {};
    stat(root.c_str(), &status);
    return !fs::exists(root + "/f") && status.st_mode == (S_IFDIR | 01775) && status.st_uid == 12 &&
           status.st_gid == 34;
  };
  CHECK(with_layers({.lower = {base + "/a", base + "/b"}}, base + "/run", look).empty());
}

TEST_CASE("upper and work lie in the scratch directory that the caller names, and are found there by the id alone") {
  const TemporaryDirectory directory;
  const std::string base = directory.path();
  for (const char* name : {"/a", "/run", "/scratch"}) fs::create_directory(base + name);
  const auto look = [&](const std::string& root) {
    write_file(root + "/new", "x");
    return read_file(base + "/scratch/upper/new") == "x";
  };
  parts::LayerOptions options{.lower = {base + "/a"}, .scratch_dir = base + "/scratch"};
  CHECK(with_layers(options, base + "/run", look).empty());
  CHECK(fs::is_empty(base + "/scratch"));
  parts::Context context{.id = "0123456789ab", .run_dir = base + "/run"};
  parts::make_layers(options)->prepare(context);
  CHECK(fs::exists(base + "/scratch/upper"));
  CHECK(parts::make_layers({})->release(context).empty());  // as another process does it, which knows the run directory
  CHECK(fs::is_empty(base + "/scratch"));
  CHECK(fs::is_empty(base + "/run"));
}

TEST_CASE("a layer that is gone, one inside another, and too many are errors that say so") {
  const TemporaryDirectory directory;
  const std::string base = directory.path();
  fs::create_directories(base + "/a/inside");
  fs::create_directory(base + "/run");
  const auto look = [](const std::string&) { return true; };
  CHECK(contains(with_layers({.lower = {base + "/gone", base + "/a"}}, base + "/run", look),
                 "open " + base + "/gone: ENOENT"));
  CHECK(
      contains(with_layers({.lower = {base + "/a/inside", base + "/a"}}, base + "/run", look), "lies inside another"));
  CHECK(contains(with_layers({}, base + "/run", look), "at least one"));
  parts::LayerOptions many;
  for (int number = 0; number < 501; ++number) {
    many.lower.push_back(base + "/many-" + std::to_string(number));
    fs::create_directory(many.lower.back());
  }
  CHECK(contains(with_layers(many, base + "/run", look), "at most 500 layers"));
  many.lower.pop_back();
  CHECK(with_layers(many, base + "/run", look).empty());
  CHECK(fs::is_empty(base + "/run"));
}
