// config.json into plain data, and every way in which it can be wrong.
#include "oci/config.hpp"

#include <algorithm>

#include <sys/mount.h>
#include <sys/resource.h>

#include <linux/sched.h>

#include "kernel/error.hpp"
#include "support/support.hpp"

using namespace coracle;
using nlohmann::json;

namespace {

json minimal() {
  return {{"ociVersion", "1.0.2"}, {"root", {{"path", "rootfs"}}}, {"process", {{"args", {"sh"}}, {"cwd", "/"}}}};
}

oci::Config read(const json& document) { return oci::read_config(document.dump(), "/bundle"); }

std::string error_of(const std::string& text) {
  try {
    oci::read_config(text, "/bundle");
    return "";
  } catch (const kernel::Error& error) {
    return error.what();
  }
}

// The error of the minimal document with one value put in.
std::string error_with(const std::string& pointer, const json& value) {
  json document = minimal();
  document[json::json_pointer(pointer)] = value;
  return error_of(document.dump());
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the least that config.json may hold is read, and relative paths begin in the bundle") {
  const oci::Config config = read(minimal());
  CHECK(config.spec.rootfs.path == "/bundle/rootfs");
  CHECK(config.process.process.args == std::vector<std::string>{"sh"});
  CHECK(config.process.process.user == "0:0");
  CHECK_FALSE(config.spec.namespaces.mount);
  CHECK(config.spec.rootfs.host_mounts);
  CHECK_FALSE(config.spec.namespaces.pid);
  CHECK_FALSE(config.spec.namespaces.network);
  CHECK(config.spec.mounts.mounts.empty());
  CHECK(config.spec.mounts.devices.size() == 6);
  REQUIRE(config.spec.confine.capabilities);
  CHECK(config.spec.confine.capabilities->bounding == 0);
}

TEST_CASE("the versions 1.0 to 1.x are read and others refused") {
  for (const std::string version : {"1.0.0", "1.0.2-dev", "1.2.1", "1.99.0+build"})
    CHECK(error_with("/ociVersion", version).empty());
  for (const std::string version : {"", "0.1.0", "2.0.0", "1", "1.0", "one", "1.0.0x", "1.x.0"}) {
    INFO(version);
    CHECK(contains(error_with("/ociVersion", version), "ociVersion \"" + version + "\""));
  }
  json none = minimal();
  none.erase("ociVersion");
  CHECK(contains(error_of(none.dump()), "ociVersion is missing"));
}

TEST_CASE("fields that nobody knows are left out, and null is like nothing") {
  json document = minimal();
  document["unknown"] = {{"a", 1}};
  document["process"]["alsoUnknown"] = 7;
  document["mounts"] = nullptr;
  document["hooks"] = {{"prestart", nullptr}, {"futureHook", json::array()}};
  document["linux"] = {{"seccomp", nullptr}, {"futureSection", 1}};
  CHECK(error_of(document.dump()).empty());
}

TEST_CASE("what is not JSON is told from what is not a configuration") {
  const std::string whole = minimal().dump();
  for (std::size_t length = 0; length < whole.size(); ++length)
    CHECK(contains(error_of(whole.substr(0, length)), "not JSON"));
  for (const std::string text : {"\xff\xfe", "{\"ociVersion\": 1.0.2}", "{} {}", "[1,]"})
    CHECK(contains(error_of(text), "not JSON"));
  for (const std::string text : {"[]", "1", "\"text\"", "null"}) CHECK(contains(error_of(text), "must be an object"));
  CHECK(contains(error_of("{}"), "ociVersion is missing"));
  CHECK(contains(error_of(std::string(1 << 20, '[')), "not JSON"));
}

TEST_CASE("an error names the field and the value") {
  struct Case {
    std::string pointer;
    json value;
    std::string expected;
  };
  const std::vector<Case> cases = {
      {"/root", "rootfs", "root \"rootfs\": it must be an object"},
      {"/root/path", 7, "root.path 7: it must be a string"},
      {"/root/path", "", "root.path \"\": it must be there"},
      {"/root/readonly", "yes", "root.readonly \"yes\": it must be true or false"},
      {"/hostname", 1, "hostname 1"},
      {"/process/args", json::array(), "process.args []"},
      {"/process/args", "sh", "process.args \"sh\": it must be an array"},
      {"/process/args/0", 1, "process.args"},
      {"/process/args/0", std::string("s\0h", 3), "it holds a NUL"},
      {"/process/cwd", "relative", "process.cwd \"relative\": it must be an absolute path"},
      {"/process/cwd", "", "process.cwd \"\""},
      {"/process/user", {{"uid", -1}}, "process.user.uid -1: it must not be negative"},
      {"/process/user", {{"uid", 4294967296}}, "process.user.uid 4294967296: it is too large"},
      {"/process/user", {{"uid", 1.5}}, "process.user.uid 1.5: it must be a whole number"},
      {"/process/user", {{"uid", "root"}}, "process.user.uid \"root\": it must be a number"},
      {"/process/rlimits", {{{"type", "RLIMIT_FOO"}}}, "process.rlimits[0].type \"RLIMIT_FOO\""},
      {"/process/rlimits", {{{"type", "RLIMIT_CPU"}}, {{"type", "RLIMIT_CPU"}}}, "process.rlimits[1].type"},
      {"/process/apparmorProfile", "mine", "AppArmor is not supported"},
      {"/process/selinuxLabel", "mine", "SELinux is not supported"},
      {"/mounts", {{{"destination", "/x"}}}, "mounts[0]"},
      {"/mounts", {{{"destination", ""}, {"type", "tmpfs"}}}, "mounts[0].destination \"\""},
      {"/mounts", {{{"destination", "/"}, {"type", "tmpfs"}}}, "it leads to / itself"},
      {"/mounts", {{{"destination", "/x"}, {"type", "bind"}}}, "a bind mount needs a source"},
      {"/mounts", {{{"destination", "/x"}, {"type", "tmpfs"}, {"options", "ro"}}}, "mounts[0].options \"ro\""},
      {"/mounts",
       {{{"destination", "/x"}, {"type", "bind"}, {"source", "/y"}, {"options", {"idmap"}}}},
       "the option idmap needs uidMappings"},
      {"/linux", {{"namespaces", {{{"type", "foo"}}}}}, "linux.namespaces[0].type \"foo\""},
      {"/linux", {{"namespaces", {{{"type", "pid"}}, {{"type", "pid"}}}}}, "there twice"},
      {"/linux", {{"namespaces", {{{"type", "pid"}, {"path", "proc/1/ns/pid"}}}}}, "it must be an absolute path"},
      {"/linux", {{"namespaces", {{{"type", "user"}}, {{"type", "mount"}}}}}, "needs uidMappings"},
      {"/linux", {{"namespaces", {{{"type", "user"}}}}}, "nothing without a mount namespace"},
      {"/linux", {{"uidMappings", {{{"containerID", 0}, {"hostID", 0}, {"size", 1}}}}}, "need a user namespace"},
      {"/linux", {{"uidMappings", {{{"size", 0}}}}}, "linux.uidMappings[0].size 0"},
      {"/linux", {{"timeOffsets", {{"realtime", {{"secs", 1}}}}}}, "the clocks are monotonic and boottime"},
      {"/linux", {{"timeOffsets", {{"boottime", {{"secs", 1}}}}}}, "needs a time namespace"},
      {"/linux", {{"rootfsPropagation", "sideways"}}, "linux.rootfsPropagation \"sideways\""},
      {"/linux", {{"devices", {{{"path", "null"}, {"type", "c"}}}}}, "linux.devices[0].path \"null\""},
      {"/linux", {{"devices", {{{"path", "/dev/x"}, {"type", "z"}}}}}, "linux.devices[0].type \"z\""},
      {"/linux", {{"resources", {{"pids", {{"limit", "many"}}}}}}, "linux.resources.pids.limit \"many\""},
      {"/linux", {{"resources", {{"devices", {{{"access", "rx"}}}}}}}, "linux.resources.devices[0].access \"rx\""},
      {"/linux", {{"resources", {{"devices", {{{"type", "x"}}}}}}}, "linux.resources.devices[0].type \"x\""},
      {"/linux", {{"seccomp", {{"syscalls", json::array()}}}}, "linux.seccomp.defaultAction is missing"},
      {"/linux", {{"intelRdt", {{"closID", "x"}}}}, "linux.intelRdt"},
      {"/linux", {{"mountLabel", "x"}}, "linux.mountLabel"},
      {"/linux", {{"sysctl", {{"a.b", 1}}}}, "linux.sysctl.a.b 1"},
      {"/hooks", {{"poststop", {{{"path", "relative"}}}}}, "hooks.poststop[0].path \"relative\""},
      {"/hooks", {{"prestart", {{{"path", "/x"}, {"timeout", 0}}}}}, "hooks.prestart[0].timeout 0"},
      {"/annotations", {{"a", 1}}, "annotations.a 1"},
  };
  for (const Case& one : cases) {
    const std::string error = error_with(one.pointer, one.value);
    INFO(one.pointer << " = " << one.value.dump(-1, ' ', false, json::error_handler_t::replace) << ": " << error);
    CHECK(contains(error, one.expected));
    CHECK(contains(error, "config.json"));
  }
}

TEST_CASE("the process is read with its user, limits and capabilities") {
  json document = minimal();
  document["process"] = {{"args", {"a", "b"}},
                         {"cwd", "/tmp"},
                         {"env", {"A=b"}},
                         {"terminal", true},
                         {"consoleSize", {{"height", 25}, {"width", 80}}},
                         {"user", {{"uid", 5}, {"gid", 6}, {"umask", 7}, {"additionalGids", {8, 9}}}},
                         {"capabilities", {{"bounding", {"CAP_CHOWN", "CAP_FUTURE"}}, {"ambient", {"CAP_KILL"}}}},
                         {"rlimits", {{{"type", "RLIMIT_NOFILE"}, {"soft", 10}, {"hard", 20}}}},
                         {"noNewPrivileges", true},
                         {"oomScoreAdj", -5}};
  const oci::Config config = read(document);
  const launch::Process& process = config.process.process;
  CHECK(process.user == "5:6");
  CHECK(process.groups == std::vector<gid_t>{8, 9});
  CHECK(process.umask == 7);
  CHECK(process.new_session);
  CHECK(config.process.terminal);
  CHECK(config.process.size.rows == 25);
  const parts::ConfineOptions& confine = config.spec.confine;
  CHECK(confine.capabilities->bounding == 1U << 0U);
  CHECK(confine.capabilities->ambient == 1U << 5U);
  REQUIRE(confine.rlimits.size() == 1);
  CHECK(confine.rlimits[0].resource == RLIMIT_NOFILE);
  CHECK(confine.rlimits[0].hard == 20);
  CHECK(confine.no_new_privileges);
  CHECK(confine.oom_score_adj == -5);
}

TEST_CASE("namespaces are new, somebody else's by path, or the host's") {
  json document = minimal();
  document["linux"]["namespaces"] = {
      {{"type", "mount"}}, {{"type", "pid"}}, {{"type", "network"}, {"path", "/proc/1/ns/net"}}, {{"type", "user"}}};
  document["linux"]["uidMappings"] = {{{"containerID", 0}, {"hostID", 100}, {"size", 10}}};
  document["linux"]["gidMappings"] = document["linux"]["uidMappings"];
  const parts::NamespaceOptions namespaces = read(document).spec.namespaces;
  CHECK(namespaces.pid);
  CHECK(namespaces.user);
  CHECK(namespaces.mount);
  CHECK_FALSE(namespaces.ipc);
  CHECK_FALSE(namespaces.network);
  REQUIRE(namespaces.existing.size() == 1);
  CHECK(namespaces.existing[0].flag == CLONE_NEWNET);
  CHECK(namespaces.uid_mappings[0].host == 100);
}

TEST_CASE("mounts keep their order, and places are cleaned") {
  json document = minimal();
  document["mounts"] = {
      {{"destination", "/dev/"}, {"type", "tmpfs"}, {"source", "tmpfs"}},
      {{"destination", "../a//./b"}, {"type", "none"}, {"source", "own"}, {"options", {"rbind", "rro"}}}};
  const std::vector<parts::Mount> mounts = read(document).spec.mounts.mounts;
  CHECK(mounts[0].destination == "/dev");
  CHECK(mounts[1].destination == "/a/b");
  CHECK(mounts[1].source == "/bundle/own");
}

TEST_CASE("a device of the list takes the place of the default one with its path") {
  json document = minimal();
  document["linux"]["devices"] = {
      {{"path", "/dev/null"}, {"type", "c"}, {"major", 1}, {"minor", 3}, {"fileMode", 0600}}};
  const std::vector<parts::Device> devices = read(document).spec.mounts.devices;
  CHECK(devices.size() == 6);
  CHECK(devices.back().path == "/dev/null");
  CHECK(devices.back().mode == 0600);
}

TEST_CASE("the letter a beside others in a device rule's access adds nothing") {
  const auto access = [](const std::string& text) {
    const json document = {{"devices", {{{"allow", false}, {"type", "c"}, {"access", text}}}}};
    parts::CgroupLimits limits;
    oci::read_resources(oci::Field(document, "resources"), limits);
    return limits.devices->front().access;
  };
  CHECK(access("rwa") == "rw");
  CHECK(access("amr") == "mr");
  CHECK_THROWS_AS(access("a"), kernel::Error);
  CHECK_THROWS_AS(access("aa"), kernel::Error);
}

TEST_CASE("update changes what it names and leaves the rest") {
  const json document = {{"memory", {{"limit", 1000}}}, {"unified", {{"pids.max", "7"}}}};
  parts::CgroupLimits limits;
  limits.memory.swap = 2000;
  limits.cpu.shares = 5;
  oci::read_resources(oci::Field(document, "resources"), limits);
  CHECK(limits.memory.limit == 1000);
  CHECK(limits.memory.swap == 2000);
  CHECK(limits.cpu.shares == 5);
  CHECK(limits.unified.front().second == "7");
}
