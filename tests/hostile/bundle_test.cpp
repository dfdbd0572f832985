// Published faults in the start of a container, tried on bundles and coracle-oci. What is wrong with ids, with
// config.json and with links at mount points is in oci_test.cpp.
//
//   CVE-2019-5736                  the first process of a container is never our program
//   CVE-2024-21626                 inherited descriptors, and process.cwd of /proc/self/fd/N
//   CVE-2021-30465, 2024-45310     a volume in which another container exchanges mount points
//   CVE-2025-31133                 a root without a /dev of its own whose /dev/null is a link, and masked paths
//   CVE-2026-55686                 process.cwd behind a link
//   CVE-2020-15257                 no abstract socket of a created or running container
//   CVE-2021-41091                 the state is root's alone
#include <algorithm>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "hostile/hostile.hpp"
#include "kernel/fd.hpp"
#include "support/bundle.hpp"

using namespace coracle;
using namespace coracle::test;
namespace fs = std::filesystem;

namespace {

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

bool is_ours(pid_t pid) {
  struct stat its {};
  struct stat ours {};
  REQUIRE(stat(fmt::format("/proc/{}/exe", pid).c_str(), &its) == 0);
  REQUIRE(stat(coracle_oci().c_str(), &ours) == 0);
  return its.st_dev == ours.st_dev && its.st_ino == ours.st_ino;
}

nlohmann::json bind_mount(const std::string& source, const std::string& destination) {
  return {{"destination", destination}, {"type", "bind"}, {"source", source}, {"options", {"rbind"}}};
}

}  // namespace

TEST_CASE("a bundle whose program is /proc/self/exe does not start ours") {
  const std::string before = sha256(read_file(coracle_oci()));
  for (const Words& program : {Words{"/proc/self/exe", "--help"}, Words{"/script"}, Words{"/link", "--help"}}) {
    const Bundle bundle(program);
    kernel::create_file(bundle.rootfs() + "/script", "#!/proc/self/exe\n", 0755);
    fs::create_symlink("/proc/self/exe", bundle.rootfs() + "/link");
    const Result result = bundle.oci({"run", "--bundle", bundle.path(), "one"});
    INFO(program[0] << ": " << result.out << result.err);
    CHECK(result.status != 0);
    CHECK_FALSE(contains(result.out, "oracle"));
  }
  const Bundle bundle({"sleep", "1000"});
  bundle.start("one");
  CHECK(eventually([&] { return !is_ours(bundle.pid_of("one")); }));
  CHECK(sha256(read_file(coracle_oci())) == before);
}

TEST_CASE("a descriptor that the caller left open is not the container's, nor its working directory") {
  const Canary canary;
  const int leak = open(canary.path().c_str(), O_RDONLY | O_DIRECTORY);
  REQUIRE(leak >= 0);
  for (int number = 0; number <= 12; ++number) {
    Bundle bundle({"sh", "-c", "cat file; cat ../../../../../../.." + canary.path() + "/file; ls -l /proc/1/fd"});
    bundle.config["process"]["cwd"] = fmt::format("/proc/self/fd/{}", number);
    const Result result = bundle.oci({"run", "--bundle", bundle.path(), "one"});
    INFO(number << ": " << result.out << result.err);
    CHECK_FALSE(contains(result.out, "secret"));
    CHECK_FALSE(contains(result.out, canary.path()));
  }
  close(leak);
  CHECK(canary.is_untouched());
}

TEST_CASE("a working directory behind a link is made inside the root") {
  const Canary canary;
  for (const std::string directory : {"/link/made", "/up/made", "/link/../../made", "/../../../made"}) {
    for (const bool readonly : {false, true}) {
      Bundle bundle({"cat", "file"});
      fs::create_symlink(canary.path(), bundle.rootfs() + "/link");
      fs::create_symlink("../../../../../../../.." + canary.path(), bundle.rootfs() + "/up");
      bundle.config["process"]["cwd"] = directory;
      bundle.config["root"]["readonly"] = readonly;
      const Result result = bundle.oci({"run", "--bundle", bundle.path(), "one"});
      INFO(directory << ": " << result.err);
      CHECK_FALSE(contains(result.out, "secret"));
      CHECK(canary.is_untouched());
    }
  }
  CHECK_FALSE(kernel::exists("/made"));
}

TEST_CASE("mount points in a volume that another container exchanges for links lead nowhere outside") {
  const Canary canary;
  const TemporaryDirectory shared;
  const TemporaryDirectory mine;
  write_file(mine.path() + "/mark", "");
  for (const std::string& way : {canary.path(), "../../../../../../../../../.." + canary.path(), std::string("/")}) {
    fs::remove_all(shared.path() + "/link");
    fs::create_directories(shared.path() + "/target");
    fs::create_symlink(way, shared.path() + "/link");
    const Exchanger exchanger(shared.path() + "/target", shared.path() + "/link");
    int started = 0;
    for (int round = 0; round < 30; ++round) {
      Bundle bundle({"cat", "/proc/self/mountinfo"});
      bundle.config["mounts"].push_back(bind_mount(shared.path(), "/shared"));
      bundle.config["mounts"].push_back(bind_mount(mine.path(), "/shared/target/new"));
      const Result result = bundle.oci({"run", "--bundle", bundle.path(), "one"});
      INFO(way << ", round " << round << ": " << result.err);
      CHECK((result.status == 0 || result.status == 1));
      if (result.status == 0) ++started;
      // Mounts outside the root are not listed: when this one is missing, it went there.
      if (result.status == 0) CHECK(contains(result.out, "/new "));
      CHECK(canary.is_untouched());
    }
    CHECK(started > 0);
    CHECK(exchanger.runs());
  }
}

TEST_CASE("a /dev/null that is a link or another file masks nothing with the host's") {
  const Canary canary;
  for (const bool link : {true, false}) {
    Bundle bundle({"sh", "-c", "cat /proc/kcore /dev/null | head -c 100; echo x >>/proc/kcore"});
    auto& mounts = bundle.config["mounts"];
    mounts.erase(std::remove_if(mounts.begin(), mounts.end(),
                                [](const auto& mount) {
                                  return mount["destination"].template get<std::string>().rfind("/dev", 0) == 0;
                                }),
                 mounts.end());
    fs::create_directories(bundle.rootfs() + "/dev");
    if (link) fs::create_symlink(canary.path() + "/file", bundle.rootfs() + "/dev/null");
    if (!link) kernel::create_file(bundle.rootfs() + "/dev/null", "planted");
    bundle.config["linux"]["maskedPaths"] = {"/proc/kcore"};
    const Result result = bundle.oci({"run", "--bundle", bundle.path(), "one"});
    INFO(result.out << result.err);
    CHECK_FALSE(contains(result.out, "secret"));
    CHECK(canary.is_untouched());
  }
}

TEST_CASE("a container of the host's network sees no abstract socket of ours, and other users see no state") {
  const auto sockets = [](const std::string& text) { return std::count(text.begin(), text.end(), '@'); };
  const auto before = sockets(kernel::read_file("/proc/net/unix"));
  const Bundle bundle({"sleep", "1000"});
  bundle.create("waiting");
  bundle.start("running");
  CHECK(sockets(kernel::read_file("/proc/net/unix")) == before);
  CHECK(run({"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "ls", bundle.state() + "/running"})
            .status != 0);
}
