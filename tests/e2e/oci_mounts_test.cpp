// What coracle-oci mounts, and with which options, as the kernel's own table has it.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel/mount.hpp"
#include "support/bundle.hpp"

using namespace coracle;
using namespace coracle::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// The mounts of the container at this place: "OPTIONS PROPAGATION TYPE SUPER_OPTIONS" each (proc(5), mountinfo).
std::string mounts_at(pid_t pid, const std::string& point) {
  std::ifstream file(fmt::format("/proc/{}/mountinfo", pid));
  std::string found;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string skipped, at, options, word, propagation;
    words >> skipped >> skipped >> skipped >> skipped >> at >> options;
    while (words >> word && word != "-") propagation += word.substr(0, word.find(':')) + " ";
    std::string type, super;
    words >> type >> skipped >> super;
    if (at == point) found += fmt::format("{} {}{} {}\n", options, propagation, type, super);
  }
  return found;
}

json mount(const std::string& destination, const std::string& type, const std::string& source,
           const std::vector<std::string>& options) {
  return {{"destination", destination}, {"type", type}, {"source", source}, {"options", options}};
}

bool is_older_than(int major, int minor) {
  utsname kernel{};
  uname(&kernel);
  int found[2] = {};
  std::sscanf(kernel.release, "%d.%d", &found[0], &found[1]);
  return std::pair(found[0], found[1]) < std::pair(major, minor);
}

// A bundle with a directory of the host, which has another mount in it.
class Host : public Bundle {
 public:
  Host() : Bundle({"sleep", "1000"}) {
    fs::create_directories(host() + "/below");
    kernel::mount("tmpfs", host() + "/below", "tmpfs", 0);
    std::ofstream(host() + "/file") << "of the host";
  }
  ~Host() { umount2((host() + "/below").c_str(), MNT_DETACH); }
  std::string host() const { return scratch() + "/host"; }
  void add(const json& entry) { config["mounts"].push_back(entry); }
};

}  // namespace

TEST_CASE("the options of bind mounts come out as the kernel has them") {
  struct Case {
    std::vector<std::string> options;
    std::string top, below;  // words that must be there; with "!" that must not
  };
  const std::vector<Case> cases = {
      {{"rbind"}, "rw !nosuid", "rw"},
      {{"bind"}, "rw", ""},
      {{"rbind", "ro"}, "ro", "rw"},
      {{"rbind", "rro"}, "ro", "ro"},
      {{"rbind", "ro", "rrw"}, "rw", "rw"},
      {{"rbind", "nosuid", "nodev", "noexec"}, "nosuid nodev noexec", "!nosuid !nodev !noexec"},
      {{"rbind", "rnosuid", "rnodev", "rnoexec"}, "nosuid nodev noexec", "nosuid nodev noexec"},
      {{"rbind", "noatime", "nodiratime"}, "noatime nodiratime", "!noatime"},
      {{"rbind", "rnoatime"}, "noatime", "noatime"},
      {{"rbind", "strictatime"}, "!relatime !noatime", "relatime"},
      {{"rbind", "rstrictatime"}, "!relatime", "!relatime"},
      {{"rbind", "nosymfollow"}, "nosymfollow", "!nosymfollow"},
      {{"rbind", "shared"}, "shared", "!shared"},
      {{"rbind", "rshared"}, "shared", "shared"},
      {{"rbind", "rprivate"}, "!shared !master", "!shared !master"},
      {{"rbind", "unbindable"}, "unbindable", "!unbindable"},
      {{"rbind", "nosuid", "suid"}, "!nosuid", "rw"},
  };
  Host host;
  for (std::size_t i = 0; i < cases.size(); ++i)
    host.add(mount(fmt::format("/m{}", i), "bind", host.host(), cases[i].options));
  host.start("one");
  const pid_t pid = host.pid_of("one");
  const auto check = [&](const std::string& point, const std::string& words) {
    std::string got = mounts_at(pid, point);
    INFO(point << ": " << got << "wanted: " << words);
    std::replace_if(
        got.begin(), got.end(), [](char c) { return c == ',' || c == '\n'; }, ' ');
    std::istringstream stream(words);
    for (std::string word; stream >> word;) {
      const bool wanted = word[0] != '!';
      CHECK(contains(" " + got, " " + word.substr(wanted ? 0 : 1) + " ") == wanted);
    }
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO(fmt::format("{}", fmt::join(cases[i].options, ",")));
    check(fmt::format("/m{}", i), cases[i].top);
    if (cases[i].below.empty()) {
      CHECK(mounts_at(pid, fmt::format("/m{}/below", i)).empty());
    } else {
      check(fmt::format("/m{}/below", i), cases[i].below);
    }
  }
}

TEST_CASE("a slave mount shows what the host mounts later, a private one does not") {
  Host host;
  kernel::mount("tmpfs", host.host(), "tmpfs", 0);
  kernel::mount("", host.host(), "", MS_SHARED);
  fs::create_directories(host.host() + "/later");
  host.add(mount("/slave", "bind", host.host(), {"rbind", "rslave"}));
  host.add(mount("/private", "bind", host.host(), {"rbind", "rprivate"}));
  host.start("one");
  kernel::mount("tmpfs", host.host() + "/later", "tmpfs", 0);
  const pid_t pid = host.pid_of("one");
  CHECK(!mounts_at(pid, "/slave/later").empty());
  CHECK(mounts_at(pid, "/private/later").empty());
  CHECK(host.oci({"delete", "--force", "one"}).status == 0);
  kernel::umount(host.host() + "/later");
  kernel::umount(host.host());
}

TEST_CASE("files go on files, missing places are made, and relative sources begin in the bundle") {
  Host host;
  std::ofstream(host.path() + "/own") << "of the bundle";
  host.add(mount("/etc/passwd", "bind", host.host() + "/file", {"bind", "ro"}));
  host.add(mount("/new/deep/file", "bind", "own", {"bind"}));
  host.add(mount("new/deep/directory", "bind", host.host(), {"bind"}));
  host.start("one");
  CHECK(host.oci({"exec", "one", "cat", "/etc/passwd", "/new/deep/file", "/new/deep/directory/file"}).out ==
        "of the hostof the bundleof the host");
  CHECK(contains(host.oci({"exec", "one", "touch", "/etc/passwd"}).err, "Read-only"));
}

TEST_CASE("a tmpfs has its data, keeps a directory's mode, copies it up, and can be read-only") {
  Host host;
  fs::create_directories(host.rootfs() + "/full/sub");
  std::ofstream(host.rootfs() + "/full/sub/file") << "copied";
  chmod((host.rootfs() + "/full").c_str(), 0711);
  fs::create_directories(host.rootfs() + "/moded");
  chmod((host.rootfs() + "/moded").c_str(), 0751);
  host.add(mount("/full", "tmpfs", "tmpfs", {"tmpcopyup", "nosuid"}));
  host.add(mount("/moded", "tmpfs", "tmpfs", {"size=64k"}));
  host.add(mount("/given", "tmpfs", "tmpfs", {"mode=700", "ro"}));
  host.add(mount("/given/inside", "tmpfs", "tmpfs", {}));
  host.start("one");
  const pid_t pid = host.pid_of("one");
  CHECK(host.oci({"exec", "one", "sh", "-c", "cat /full/sub/file; stat -c %a /full /moded /given"}).out ==
        "copied711\n751\n700\n");
  CHECK(fs::exists(host.rootfs() + "/full/sub/file"));
  CHECK(contains(mounts_at(pid, "/moded"), "size=64k"));
  CHECK(mounts_at(pid, "/given").substr(0, 3) == "ro,");
  CHECK(mounts_at(pid, "/given/inside").substr(0, 3) == "rw,");
}

TEST_CASE("an idmapped mount shows its files with other owners") {
  if (is_older_than(6, 3)) SKIP_WITHOUT("idmapped mounts of tmpfs (Linux 6.3)");
  Host host;
  REQUIRE(chown((host.host() + "/file").c_str(), 0, 0) == 0);
  json mapped = mount("/mapped", "bind", host.host(), {"bind", "idmap"});
  mapped["uidMappings"] = {{{"containerID", 0}, {"hostID", 1234}, {"size", 10}}};
  mapped["gidMappings"] = {{{"containerID", 0}, {"hostID", 4321}, {"size", 10}}};
  host.add(mapped);
  host.start("one");
  CHECK(host.oci({"exec", "one", "stat", "-c", "%u %g", "/mapped/file"}).out == "1234 4321\n");
  struct stat status {};
  REQUIRE(stat((host.host() + "/file").c_str(), &status) == 0);
  CHECK(status.st_uid == 0);
}

TEST_CASE("a container in a user namespace has its mounts, its devices and its own root") {
  Host host;
  host.config["linux"]["namespaces"].push_back({{"type", "user"}});
  host.config["linux"]["uidMappings"] = {{{"containerID", 0}, {"hostID", 100000}, {"size", 65536}}};
  host.config["linux"]["gidMappings"] = host.config["linux"]["uidMappings"];
  host.add(mount("/bound", "bind", host.host(), {"rbind", "ro"}));
  run({"chown", "-R", "100000:100000", host.rootfs()});
  chmod(host.scratch().c_str(), 0755);
  host.start("one");
  const pid_t pid = host.pid_of("one");
  CHECK(
      host.oci({"exec", "one", "sh", "-c", "id -u; cat /proc/self/uid_map; cat /bound/file; echo x > /dev/null"}).out ==
      "0\n         0     100000      65536\nof the host");
  struct stat status {};
  REQUIRE(stat(fmt::format("/proc/{}", pid).c_str(), &status) == 0);
  CHECK(status.st_uid == 100000);
  REQUIRE(stat(fmt::format("/proc/{}/root/dev/null", pid).c_str(), &status) == 0);
  CHECK(status.st_rdev == 0x103);
}

TEST_CASE("devices of the list are there with their mode and owner, beside those that every container has") {
  Host host;
  host.config["linux"]["devices"] = {
      {{"path", "/dev/mine"}, {"type", "c"}, {"major", 1}, {"minor", 3}, {"fileMode", 0600}, {"uid", 7}, {"gid", 8}},
      {{"path", "/dev/sub/pipe"}, {"type", "p"}, {"fileMode", 0640}},
      {{"path", "/dev/zero"}, {"type", "c"}, {"major", 1}, {"minor", 5}, {"fileMode", 0400}}};
  host.start("one");
  CHECK(host.oci({"exec", "one", "stat", "-c", "%a %u %g %t %T", "/dev/mine", "/dev/zero", "/dev/full"}).out ==
        "600 7 8 1 3\n400 0 0 1 5\n666 0 0 1 7\n");
  CHECK(host.oci({"exec", "one", "test", "-p", "/dev/sub/pipe"}).status == 0);
  CHECK(host.oci({"exec", "one", "readlink", "/dev/fd"}).out == "/proc/self/fd\n");
}

TEST_CASE("the root can be read-only, shared, and moved into place where pivot_root is not possible") {
  Host host;
  host.config["root"]["readonly"] = true;
  host.config["process"]["args"] = {"sh", "-c", "touch /x; grep ' / ' /proc/self/mountinfo; ls /"};
  const Result readonly = host.oci({"run", "-b", host.path(), "two"});
  CHECK(contains(readonly.err, "Read-only"));
  for (const auto& [word, expected] : std::vector<std::pair<std::string, std::string>>{
           {"rprivate", " - "}, {"rslave", "- "}, {"rshared", "shared:"}, {"unbindable", "unbindable"}}) {
    INFO(word);
    host.config["linux"]["rootfsPropagation"] = word;
    const Result result = host.oci({"run", "-b", host.path(), "three"});
    CHECK(contains(result.out, expected));
  }
  host.config["linux"].erase("rootfsPropagation");
  const Result moved = host.oci({"run", "--no-pivot", "-b", host.path(), "four"});
  INFO(moved.err);
  CHECK(moved.out.substr(moved.out.find("bin")) == readonly.out.substr(readonly.out.find("bin")));
}

TEST_CASE("a mount namespace by path is the one that the container is in, unless it is the runtime's own") {
  Host host;
  Running holder({"unshare", "--mount", "sleep", "1000"});
  REQUIRE(eventually([&] { return namespace_of(holder.pid(), "mnt") != namespace_of(getpid(), "mnt"); }));
  auto& namespaces = host.config["linux"]["namespaces"];
  for (json& entry : namespaces) {
    if (entry["type"] == "mount") entry["path"] = fmt::format("/proc/{}/ns/mnt", holder.pid());
  }
  host.start("one");
  CHECK(namespace_of(host.pid_of("one"), "mnt") == namespace_of(holder.pid(), "mnt"));
  CHECK(host.oci({"delete", "--force", "one"}).status == 0);
  for (json& entry : namespaces) {
    if (entry["type"] == "mount") entry["path"] = "/proc/self/ns/mnt";
  }
  const Result own = host.quiet({"create", "-b", host.path(), "two"});
  CHECK(own.status == 1);
  CHECK(contains(own.err, "it is our own"));
}
