// Lesson 7 from outside: what is mounted in the container and with which flags, what is on the host afterwards.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/mount.hpp"
#include "support/support.hpp"

using namespace coracle;
using namespace coracle::test;
namespace fs = std::filesystem;

namespace {

// One line of /proc/PID/mountinfo (proc(5)).
struct Mount {
  std::string point, options, propagation, type, super_options;
  bool has(const std::string& option) const {
    return ("," + options + ",").find("," + option + ",") != std::string::npos;
  }
};

std::vector<Mount> mounts_of(pid_t pid) {
  std::vector<Mount> mounts;
  std::ifstream file(fmt::format("/proc/{}/mountinfo", pid));
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    Mount mount;
    std::string skipped, word;
    words >> skipped >> skipped >> skipped >> skipped >> mount.point >> mount.options;
    while (words >> word && word != "-") mount.propagation += word;
    words >> mount.type >> skipped >> mount.super_options;
    mounts.push_back(mount);
  }
  return mounts;
}

// The topmost mount at this place.
Mount mount_at(pid_t pid, const std::string& point) {
  std::optional<Mount> found;
  for (const Mount& mount : mounts_of(pid)) {
    if (mount.point == point) found = mount;
  }
  INFO(point);
  REQUIRE(found);
  return *found;
}

std::string read(const std::string& path) { return kernel::read_file(path); }
void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

// A scratch directory with a root file system of its own, a place for volumes and one for the host's side.
struct Place {
  TemporaryDirectory scratch;
  std::string root = scratch.path() + "/root";
  std::string volumes = scratch.path() + "/volumes";
  std::string host = scratch.path() + "/host";

  Place() {
    fs::copy(busybox_rootfs(), root, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    fs::create_directory(host);
  }

  std::vector<std::string> command(std::vector<std::string> options, const std::string& script) const {
    std::vector<std::string> words = {lesson("07-volumes"), "--volumes-dir", volumes};
    words.insert(words.end(), options.begin(), options.end());
    for (const std::string& word : {root, std::string("sh"), std::string("-c"), script}) words.push_back(word);
    return words;
  }

  Result run(const std::vector<std::string>& options, const std::string& script) const {
    return test::run(command(options, script));
  }
};

// A container that waits while the test looks at it, and ends with the test.
class Waiting {
 public:
  Waiting(const Place& place, const std::vector<std::string>& options)
      : running_(place.command(options, "echo ready; exec sleep 1000")) {
    running_.read_until("ready");
    pid = running_.child();
    root = fmt::format("/proc/{}/root", pid);
  }
  ~Waiting() {
    kill(pid, SIGKILL);
    running_.wait();
  }

  pid_t pid = 0;
  std::string root;  // the container's, seen from the host

 private:
  Running running_;
};

}  // namespace

TEST_CASE("what the container writes to a bind mount is on the host, and the other way round") {
  const Place place;
  write(place.host + "/in", "from the host");
  const Result result = place.run({"-v", place.host + ":/srv"}, "cat /srv/in; echo from inside > /srv/out");
  CHECK(result.out == "from the host");
  CHECK(read(place.host + "/out") == "from inside\n");
}

TEST_CASE("a read-only volume is read-only to its last mount and stays writable on the host") {
  const Place place;
  fs::create_directory(place.host + "/below");
  kernel::mount("tmpfs", place.host + "/below", "tmpfs", 0);
  {
    const Waiting container(place, {"-v", place.host + ":/srv:ro", "-v", "data:/data:ro"});
    const pid_t inside = container.pid;
    CHECK(mount_at(inside, "/srv").has("ro"));
    CHECK(mount_at(inside, "/srv/below").has("ro"));
    CHECK(mount_at(inside, "/data").has("ro"));
    CHECK(mount_at(inside, "/").has("rw"));
    write(place.host + "/below/file", "still writable");
    CHECK(read(container.root + "/srv/below/file") == "still writable");
  }
  const Result result =
      place.run({"-v", place.host + ":/srv:ro"},
                "touch /srv/x; touch /srv/below/x; mount -o remount,rw,bind /srv; rm /srv/below/file");
  CHECK(contains(result.err, "/srv/x: Read-only file system"));
  CHECK(contains(result.err, "/srv/below/x: Read-only file system"));
  kernel::umount(place.host + "/below");
}

TEST_CASE("every mount of the container is private and comes in the order of its destination") {
  const Place place;
  fs::create_directories(place.host + "/b");
  write(place.host + "/b/deep", "");
  const std::size_t before = mounts_of(getpid()).size();
  const Waiting container(place, {"-v", "inner:/a/b", "--tmpfs", "/a/b/c:size=64k", "-v", place.host + ":/a"});
  for (const Mount& mount : mounts_of(container.pid)) {
    INFO(mount.point);
    CHECK(mount.propagation.empty());
  }
  for (const std::string point : {"/a", "/a/b", "/a/b/c"}) mount_at(container.pid, point);
  CHECK(!fs::exists(container.root + "/a/b/deep"));
  CHECK(mounts_of(getpid()).size() == before);
}

TEST_CASE("a tmpfs has its size, its mode and nothing that could run") {
  const Place place;
  const Waiting container(place, {"--tmpfs", "/cache:size=64k", "--tmpfs", "/run:mode=755,ro"});
  const Mount cache = mount_at(container.pid, "/cache");
  CHECK(cache.type == "tmpfs");
  CHECK(contains(cache.super_options, "size=64k"));
  for (const std::string option : {"rw", "nosuid", "nodev", "noexec"}) CHECK(cache.has(option));
  CHECK(mode_of(container.root + "/cache") == 01777);
  CHECK(mode_of(container.root + "/run") == 0755);
  CHECK(mount_at(container.pid, "/run").has("ro"));
  const Result full = place.run({"--tmpfs", "/cache:size=64k"}, "dd if=/dev/zero of=/cache/big bs=1k count=128");
  CHECK(contains(full.err, "No space left on device"));
}

TEST_CASE("the standard file systems have docker's flags") {
  const Place place;
  const Waiting container(place, {});
  struct Expected {
    std::string point, type, options;
  };
  for (const Expected& expected :
       {Expected{"/proc", "proc", "rw nosuid nodev noexec"}, Expected{"/sys", "sysfs", "ro nosuid nodev noexec"},
        Expected{"/dev", "tmpfs", "rw nosuid"}, Expected{"/dev/pts", "devpts", "rw nosuid noexec"},
        Expected{"/dev/shm", "tmpfs", "rw nosuid nodev noexec"},
        Expected{"/dev/mqueue", "mqueue", "rw nosuid nodev noexec"}}) {
    INFO(expected.point);
    const Mount mount = mount_at(container.pid, expected.point);
    CHECK(mount.type == expected.type);
    std::istringstream options(expected.options);
    for (std::string option; options >> option;) CHECK(mount.has(option));
  }
  CHECK(contains(mount_at(container.pid, "/dev/pts").super_options, "gid=5,mode=620,ptmxmode=666"));
  CHECK(contains(mount_at(container.pid, "/dev").super_options, "size=65536k,mode=755"));
  const std::string& inside = container.root;
  for (const std::string node : {"null", "zero", "full", "random", "urandom", "tty"}) {
    CHECK(mode_of(inside + "/dev/" + node) == 0666);
  }
  CHECK(mode_of(inside + "/dev/shm") == 01777);
  CHECK(fs::read_symlink(inside + "/dev/ptmx") == "pts/ptmx");
  CHECK(fs::read_symlink(inside + "/dev/fd") == "/proc/self/fd");
}

TEST_CASE("a named volume outlives its container and is shared by the next") {
  const Place place;
  place.run({"-v", "data:/data"}, "echo one > /data/file");
  CHECK(read(place.volumes + "/data/_data/file") == "one\n");
  CHECK(place.run({"-v", "data:/elsewhere"}, "cat /elsewhere/file").out == "one\n");

  Running first(
      place.command({"-v", "data:/data"}, "echo ready; until test -e /data/go; do usleep 1000; done; cat /data/go"));
  first.read_until("ready");
  place.run({"-v", "data:/data"}, "echo two > /data/tmp; mv /data/tmp /data/go");
  CHECK(contains(first.wait().out, "two"));
}

TEST_CASE("a named volume is filled from the image and the image is left alone") {
  const Place place;
  fs::create_directories(place.root + "/var/data");
  write(place.root + "/var/data/config", "as delivered");
  REQUIRE(chown((place.root + "/var/data").c_str(), 33, 34) == 0);
  const Result result =
      place.run({"-v", "data:/var/data"}, "stat -c %u:%g /var/data; cat /var/data/config; echo new > /var/data/config");
  CHECK(result.out == "33:34\nas delivered");
  CHECK(read(place.root + "/var/data/config") == "as delivered");
  CHECK(read(place.volumes + "/data/_data/config") == "new\n");
  CHECK(place.run({"-v", "data:/var/data"}, "cat /var/data/config").out == "new\n");
}

TEST_CASE("a missing host directory is made and stays, also when the program is not found") {
  const Place place;
  const Result result = run({lesson("07-volumes"), "--volumes-dir", place.volumes, "-v", place.host + "/new/deep:/srv",
                             "-v", "data:/data", place.root, "no-such-program"});
  CHECK(result.status == 127);
  CHECK(fs::is_directory(place.host + "/new/deep"));
  CHECK(fs::is_directory(place.volumes + "/data/_data"));
}

TEST_CASE("a file can be a volume, where a file is missing and where there is one") {
  const Place place;
  write(place.host + "/file", "of the host\n");
  const Result result =
      place.run({"-v", place.host + "/file:/new/place/file", "-v", place.host + "/file:/etc/group:ro"},
                "cat /new/place/file /etc/group; echo more >> /new/place/file; echo x >> /etc/group");
  CHECK(result.out == "of the host\nof the host\n");
  CHECK(contains(result.err, "/etc/group: Read-only file system"));
  CHECK(read(place.host + "/file") == "of the host\nmore\n");
}

TEST_CASE("a volume may stand at a link of the image, which stays inside the root") {
  const Place place;
  fs::create_symlink("../../../../../run/data", place.root + "/link");
  const Waiting container(place, {"-v", place.host + ":/link"});
  mount_at(container.pid, "/run/data");
}

TEST_CASE("bad volumes are refused with one line, status 125 and nothing left behind") {
  const Place place;
  write(place.host + "/file", "");
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"-v", "data:/"}, "/ itself cannot be a volume"},
      {{"-v", "data:/x/../.."}, "/ itself cannot be a volume"},
      {{"-v", "/x"}, "without a name"},
      {{"-v", "../x"}, "without a name"},
      {{"-v", "a/b:/x"}, "\"a/b\""},
      {{"-v", place.host + ":/x:rx"}, "\"rx\" is no mode"},
      {{"-v", place.host + ":/x", "-v", "data:/x/"}, "same destination"},
      {{"-v", place.host + ":/bin/busybox"}, "a directory goes on a directory"},
      {{"-v", place.host + "/file:/bin"}, "a file on a file"},
      {{"-v", place.host + "/file/below:/x"}, "ENOTDIR"},
      {{"-v", place.host + ":/proc/1"}, "into /proc"},
      {{"--tmpfs", "/proc/acpi"}, "into /proc"},
      {{"--tmpfs", "/x:size=none"}, "\"none\""},
      {{"-v", place.host + ":/ro:ro", "-v", "data:/ro/missing"}, "read-only"},
  };
  for (const auto& [options, expected] : cases) {
    INFO(fmt::format("{}", fmt::join(options, " ")));
    const Result result = place.run(options, "echo it ran");
    CHECK(result.status == 125);
    CHECK(result.out.empty());
    INFO(result.err);
    CHECK(contains(result.err, expected));
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  }
}

TEST_CASE("kill -9 in the middle of filling leaves nothing that passes for a full volume") {
  const Place place;
  fs::create_directories(place.root + "/big");
  for (int i = 0; i < 6000; ++i) write(fmt::format("{}/big/{}", place.root, i), "x");
  const std::string volume = place.volumes + "/data";
  {
    Running killed(place.command({"-v", "data:/big"}, "true"));
    const pid_t child = killed.child();
    REQUIRE(eventually([&] { return fs::exists(volume + "/_filling/1000"); }));
    killed.signal(SIGKILL);
    killed.wait();
    REQUIRE(waitpid(child, nullptr, 0) == child);  // it dies with its parent; what loses its parent comes to us
  }
  REQUIRE(!fs::exists(volume + "/_data"));
  // The next start sweeps what the killed one left. It has another volume, and still no half of this one stays.
  place.run({"-v", "other:/data"}, "true");
  CHECK(!fs::exists(volume));
  CHECK(place.run({"-v", "data:/big"}, "ls /big | wc -l").out == "6000\n");
}

TEST_CASE("twenty containers that start at once on a new volume all find it full") {
  const Place place;
  fs::create_directories(place.root + "/content");
  for (int i = 0; i < 300; ++i) write(fmt::format("{}/content/{}", place.root, i), "x");
  std::vector<std::unique_ptr<Running>> starts;
  for (int i = 0; i < 20; ++i) {
    starts.push_back(std::make_unique<Running>(place.command({"-v", "data:/content"}, "ls /content | wc -l")));
  }
  for (const auto& start : starts) CHECK(start->wait().out == "300\n");
}
