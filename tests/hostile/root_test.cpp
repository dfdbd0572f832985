// Root file systems and volumes that were prepared, or are being changed, to reach the host: CVE-2019-19921,
// CVE-2021-30465, CVE-2023-27561, CVE-2024-45310, CVE-2026-41579. The canary is a directory of the host; nothing may
// be read from it, written to it or mounted over it.
#include <csignal>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/copy_tree.hpp"
#include "kernel/error.hpp"
#include "launch/launch.hpp"
#include "parts/mounts.hpp"
#include "parts/namespaces.hpp"
#include "parts/root.hpp"
#include "support/support.hpp"

using namespace coracle;
using namespace coracle::test;
namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
std::string read(const std::string& path) { return kernel::read_file(path); }
void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

struct Host {
  TemporaryDirectory scratch;
  std::string root = scratch.path() + "/root";
  std::string canary = scratch.path() + "/canary";
  std::string shared = scratch.path() + "/volumes/shared/_data";

  Host() {
    fs::copy(busybox_rootfs(), root, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    fs::create_directories(canary + "/directory");
    write(canary + "/file", "secret");
    fs::create_directories(shared);
    untouched_ = look();
  }

  bool canary_is_untouched() const { return look() == untouched_; }

  Result run(const std::vector<std::string>& options, const std::string& script) const {
    std::vector<std::string> words = {lesson("07-volumes"), "--volumes-dir", scratch.path() + "/volumes"};
    words.insert(words.end(), options.begin(), options.end());
    for (const std::string& word : {root, std::string("sh"), std::string("-c"), script}) words.push_back(word);
    return test::run(words);
  }

  // A link at `path` in the root, in place of whatever is there.
  void link(const std::string& path, const std::string& text) const {
    fs::remove_all(root + path);
    fs::create_symlink(text, root + path);
  }

  // The ways in which a link can say "the canary".
  std::vector<std::string> ways_to_canary() const {
    return {canary,
            "../../../../../../../../../.." + canary,
            "/../../" + canary,
            canary + "/directory",
            "/proc/self/cwd/../.." + canary,
            "/proc/1/root" + canary};
  }

 private:
  std::string look() const {
    std::string text;
    const auto add = [&](const fs::path& path) {
      struct stat status {};
      lstat(path.c_str(), &status);
      text += fmt::format("{} {} {:o} {}:{} {} {}.{}\n", path.string(), status.st_ino, status.st_mode, status.st_uid,
                          status.st_gid, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    };
    add(canary);
    for (const auto& entry : fs::recursive_directory_iterator(canary)) add(entry.path());
    return text + read(canary + "/file");
  }

  std::string untouched_;
};

// Exchanges two names as fast as it can, as a container does that shares the directory.
class Exchanger {
 public:
  Exchanger(const std::string& a, const std::string& b) : pid_(fork()) {
    if (pid_ == 0) {
      while (renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) continue;
      _exit(1);
    }
  }
  ~Exchanger() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  bool runs() const { return waitpid(pid_, nullptr, WNOHANG) == 0; }

 private:
  pid_t pid_;
};

// Puts a file of ours into the root, as the part `network` does with resolv.conf.
class GivesFile final : public parts::Part {
 public:
  explicit GivesFile(parts::BoundFile file) : file_(std::move(file)) {}
  parts::Stage stage() const override { return parts::Stage::network; }
  const char* name() const override { return "gives-file"; }
  void prepare(parts::Context& context) override { context.files.push_back(file_); }

 private:
  parts::BoundFile file_;
};

// Starts a container in the root directory itself: no layer is between it and whoever changes the directory.
int start_in(const std::string& root, const std::string& script, std::unique_ptr<parts::Part> more = {}) {
  parts::Parts list;
  list.push_back(parts::make_namespaces({}));
  if (more) list.push_back(std::move(more));
  list.push_back(parts::make_mounts());
  list.push_back(parts::make_root({.rootfs = root}));
  const launch::Process process{.args = {"sh", "-c", script}};
  return launch::run(process, list, {launch::default_run_root(), launch::new_id()}).ending.status();
}

constexpr int kRounds = 100;

}  // namespace

TEST_CASE("a root whose /proc, /sys or /dev is a link or a file is refused") {
  for (const std::string place : {"/proc", "/sys", "/dev"}) {
    const Host host;
    for (const std::string& way : host.ways_to_canary()) {
      INFO(place << " -> " << way);
      host.link(place, way);
      const Result result = host.run({}, "echo it ran");
      CHECK(result.status == 125);
      CHECK(result.out.empty());
      CHECK(contains(result.err, "symbolic link"));
      CHECK(host.canary_is_untouched());
    }
    host.link(place, "etc");
    CHECK(host.run({}, "true").status == 125);
    fs::remove(host.root + place);
    write(host.root + place, "");
    CHECK(contains(host.run({}, "true").err, "it is a file"));
    fs::remove(host.root + place);
    CHECK(host.run({}, "test -n \"$(ls -A " + place + ")\"").status == 0);  // missing: it is made
  }
}

TEST_CASE("a volume at a link lands inside the root") {
  const Host host;
  write(host.shared + "/mark", "the volume");
  for (const std::string& way : host.ways_to_canary()) {
    host.link("/data", way);
    for (const std::string destination : {"/data", "/data/new", "/data/deep/er"}) {
      INFO(destination << " at " << way);
      const Result result = host.run({"-v", "shared:" + destination}, "cat " + destination + "/mark; cat /data/file");
      CHECK(!contains(result.out, "secret"));
      if (contains(way, "/proc/")) {
        CHECK(contains(result.err, "the root"));  // no such process in there, or the kernel's own
      } else {
        CHECK(result.out == "the volume");
      }
      CHECK(host.canary_is_untouched());
    }
  }
}

TEST_CASE("a volume at a link to the root itself is refused") {
  const Host host;
  for (const std::string way : {"/", "..", "../../..", "/etc/..", "."}) {
    INFO(way);
    host.link("/data", way);
    for (const std::string option : {"-v", "--tmpfs"}) {
      const Result result = host.run({option, option == "-v" ? "shared:/data" : "/data"}, "echo it ran");
      CHECK(result.status == 125);
      CHECK(contains(result.err, "leads to / itself"));
    }
  }
}

TEST_CASE("a volume is not filled with what a link of the image names on the host") {
  const Host host;
  host.link("/data", host.canary);
  CHECK(host.run({"-v", "new:/data"}, "ls -A /data").out.empty());
  CHECK(fs::is_empty(host.scratch.path() + "/volumes/new/_data"));

  fs::remove_all(host.root + "/data");
  fs::create_directories(host.root + "/data");
  fs::create_symlink(host.canary, host.root + "/data/link");
  fs::create_symlink(host.canary + "/file", host.root + "/data/file");
  REQUIRE(mkfifo((host.root + "/data/fifo").c_str(), 0644) == 0);
  CHECK(host.run({"-v", "newer:/data"}, "ls /data").out == "fifo\nfile\nlink\n");
  CHECK(fs::is_symlink(host.scratch.path() + "/volumes/newer/_data/file"));
  CHECK(host.canary_is_untouched());
}

TEST_CASE("a file of ours bound over a link of the image stays inside the root") {
  const Host host;
  write(host.scratch.path() + "/resolv.conf", "nameserver 10.0.0.1\n");
  for (const std::string& way : {host.canary + "/file", "../../../../../../../.." + host.canary + "/file",
                                 host.canary + "/new", host.canary + "/file/../../new"}) {
    INFO(way);
    host.link("/etc/resolv.conf", way);
    auto file = std::make_unique<GivesFile>(parts::BoundFile{host.scratch.path() + "/resolv.conf", "/etc/resolv.conf"});
    CHECK(start_in(host.root, "cp /etc/resolv.conf /got", std::move(file)) == 0);
    CHECK(read(host.root + "/got") == "nameserver 10.0.0.1\n");
    CHECK(host.canary_is_untouched());
  }
}

TEST_CASE("a mount point that is exchanged for a link in the moment of the mount leads nowhere outside") {
  const Host host;
  const std::string mine = host.scratch.path() + "/mine";
  fs::create_directories(mine);
  write(mine + "/mark", "");
  for (const std::string& way :
       {host.canary, "../../../../../../../../../../.." + host.canary, std::string("/"), std::string("../..")}) {
    fs::remove_all(host.shared);
    fs::create_directories(host.shared + "/target");
    fs::create_symlink(way, host.shared + "/link");
    const Exchanger exchanger(host.shared + "/target", host.shared + "/link");
    int started = 0;
    for (int round = 0; round < kRounds / 4; ++round) {
      const Result result =
          host.run({"-v", "shared:/shared", "-v", mine + ":/shared/target/new"}, "cat /proc/self/mountinfo");
      INFO("-> " << way << ", round " << round << ": " << result.err);
      CHECK((result.status == 0 || result.status == 125));
      if (result.status == 0) ++started;
      // Mounts outside the root are not listed: when this one is missing, it went there.
      if (result.status == 0) CHECK(contains(result.out, "/mine /"));
      CHECK(host.canary_is_untouched());
    }
    CHECK(started > 0);
    CHECK(exchanger.runs());
  }
}

TEST_CASE("a /dev that is exchanged for a link in the moment of the mount gives the host no nodes") {
  const Host host;
  fs::create_directories(host.root + "/dev");
  fs::create_symlink(host.canary, host.root + "/link");
  const Exchanger exchanger(host.root + "/dev", host.root + "/link");
  for (int round = 0; round < kRounds; ++round) {
    INFO("round " << round);
    try {
      const int status = start_in(host.root, "true");
      CHECK(status == 0);
    } catch (const kernel::Error& error) {
      INFO(error.what());
      CHECK(contains(error.what(), "dev"));
    }
    CHECK(host.canary_is_untouched());
  }
  CHECK(exchanger.runs());
}

TEST_CASE("an image that exchanges a directory for a link while it is copied gets nothing of the host into a volume") {
  const Host host;
  fs::create_directories(host.root + "/data/sub/directory");
  write(host.root + "/data/sub/file", "harmless");
  fs::create_symlink(host.canary, host.root + "/link");
  const Exchanger exchanger(host.root + "/data/sub", host.root + "/link");
  for (int round = 0; round < kRounds; ++round) {
    const std::string copy = fmt::format("copy-{}", round);
    kernel::copy_tree(kernel::open(host.root + "/data", O_PATH), kernel::open(host.scratch.path(), O_PATH), copy);
    const std::string sub = host.scratch.path() + "/" + copy + "/sub";
    if (!fs::is_symlink(sub) && fs::exists(sub)) CHECK(read(sub + "/file") == "harmless");
  }
  CHECK(exchanger.runs());
  CHECK(host.canary_is_untouched());
}
