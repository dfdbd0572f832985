// Docker's words for what a container may do, and how they are kept.
#include "parts/confine.hpp"

#include <linux/capability.h>
#include <sys/resource.h>

#include <fmt/format.h>

#include "cli/confinement.hpp"
#include "engine/devices.hpp"
#include "kernel/error.hpp"
#include "launch/launch.hpp"
#include "parts/confine/note.hpp"
#include "parts/layers.hpp"
#include "parts/mounts.hpp"
#include "parts/namespaces.hpp"
#include "parts/root.hpp"
#include "support/support.hpp"

using namespace coracle;
using kernel::Error;
using Words = std::vector<std::string>;

namespace {

constexpr kernel::Capabilities kDefault = 0xa80425fb;

constexpr kernel::Capabilities bit(int number) { return kernel::Capabilities{1} << static_cast<unsigned>(number); }

std::string refused(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "it was taken";
}

bool tells(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// The status of a shell script in a container that is confined so. The root file system is only read.
int confined(const parts::ConfineOptions& options, const std::string& user, const std::string& script) {
  parts::Parts list;
  list.push_back(parts::make_namespaces({}));
  list.push_back(parts::make_layers({.lower = {test::busybox_rootfs()}}));
  list.push_back(parts::make_mounts());
  list.push_back(parts::make_root({}));
  list.push_back(parts::make_confine(options));
  const launch::Process process{.args = {"sh", "-c", script}, .user = user};
  return launch::run(process, list, {launch::default_run_root(), launch::new_id()}).ending.status();
}

std::string has(const std::string& name, kernel::Capabilities set) {
  return fmt::format("grep -q '^{}:.{:016x}$' /proc/self/status", name, set);
}

}  // namespace

TEST_CASE("a user that is not root has the capabilities that are ambient, and no other") {
  parts::ConfineOptions options;
  const kernel::Capabilities chosen = bit(CAP_NET_RAW) | bit(CAP_CHOWN);
  options.capabilities = parts::CapabilityOptions{.bounding = chosen, .permitted = chosen, .effective = chosen};
  CHECK(confined(options, "1000", has("CapEff", 0) + " && " + has("CapBnd", chosen)) == 0);
  CHECK(confined(options, "0", has("CapEff", chosen) + " && " + has("CapInh", 0)) == 0);
  options.capabilities->inheritable = options.capabilities->ambient = bit(CAP_NET_RAW);
  CHECK(confined(options, "1000", has("CapEff", bit(CAP_NET_RAW)) + " && " + has("CapAmb", bit(CAP_NET_RAW))) == 0);
  // One that is ambient must be permitted and inheritable (capabilities(7)): else it is left out.
  options.capabilities->inheritable = bit(CAP_CHOWN);
  CHECK(confined(options, "1000", has("CapAmb", 0) + " && " + has("CapInh", bit(CAP_CHOWN))) == 0);
}

TEST_CASE("without a choice of capabilities root keeps its own, and a user has none") {
  CHECK(confined({}, "0", has("CapEff", kernel::capget().permitted)) == 0);
  CHECK(confined({}, "1000", has("CapEff", 0) + " && " + has("CapBnd", kernel::capget().permitted)) == 0);
}

TEST_CASE("a filter that forbids what only a runtime needs does not stop a start") {
  parts::SeccompProfile profile;
  profile.default_action = "SCMP_ACT_ALLOW";
  profile.syscalls = {{{"setresuid", "setresgid", "setgroups", "keyctl", "prctl", "seccomp", "pivot_root", "mount"},
                       "SCMP_ACT_ERRNO",
                       {},
                       {}}};
  parts::ConfineOptions options = parts::docker_confinement();
  options.seccomp = profile;
  for (const bool no_new_privileges : {false, true}) {
    options.no_new_privileges = no_new_privileges;
    INFO(no_new_privileges);
    CHECK(confined(options, "1000", "grep -q '^Seccomp:.2$' /proc/self/status") == 0);
  }
}

TEST_CASE("capabilities are added and dropped as docker does it") {
  CHECK(parts::docker_capabilities({}, {}).bounding == kDefault);
  CHECK(parts::docker_capabilities({"NET_ADMIN"}, {}).bounding == (kDefault | bit(CAP_NET_ADMIN)));
  CHECK(parts::docker_capabilities({"cap_net_admin"}, {"Cap_Chown"}).bounding ==
        ((kDefault | bit(CAP_NET_ADMIN)) & ~bit(CAP_CHOWN)));
  CHECK(parts::docker_capabilities({}, {"ALL"}).bounding == 0);
  CHECK(parts::docker_capabilities({"NET_RAW"}, {"all"}).bounding == bit(CAP_NET_RAW));
  const kernel::Capabilities all = kernel::known_capabilities();
  CHECK(parts::docker_capabilities({"ALL"}, {}).bounding == all);
  CHECK(parts::docker_capabilities({"ALL"}, {"SYS_ADMIN"}).bounding == (all & ~bit(CAP_SYS_ADMIN)));
  CHECK(parts::all_capabilities().bounding == all);
}

TEST_CASE("the sets of a container begin alike, with nothing to inherit") {
  const parts::CapabilityOptions sets = parts::docker_capabilities({"SYS_TIME"}, {});
  CHECK(sets.permitted == sets.bounding);
  CHECK(sets.effective == sets.bounding);
  CHECK(sets.inheritable == 0);
  CHECK(sets.ambient == 0);
  CHECK(sets.demanded == bit(CAP_SYS_TIME));  // the default ones are left out where they are not to be had
}

TEST_CASE("a capability that is none is an error that names it") {
  CHECK(tells(refused([] { parts::docker_capabilities({"FLY"}, {}); }), "--cap-add FLY"));
  CHECK(tells(refused([] { parts::docker_capabilities({}, {"CAP_"}); }), "--cap-drop CAP_"));
  CHECK(tells(refused([] { parts::docker_capabilities({""}, {}); }), "--cap-add"));
}

TEST_CASE("limits are read as docker reads them") {
  const parts::Rlimit both = parts::parse_ulimit("nofile=1024:4096");
  CHECK(both.resource == RLIMIT_NOFILE);
  CHECK(both.soft == 1024);
  CHECK(both.hard == 4096);
  CHECK(parts::parse_ulimit("nproc=7").hard == 7);
  CHECK(parts::parse_ulimit("core=-1").soft == RLIM_INFINITY);
  CHECK(parts::parse_ulimit("core=0:-1").hard == RLIM_INFINITY);
  for (const char* bad : {"", "nofile", "nofile=", "nofile=a", "nofile=1:", "files=1", "nofile=2:1", "nofile=-2",
                          "nofile=1:2:3", "nofile=99999999999999999999"}) {
    INFO(bad);
    CHECK(tells(refused([&] { parts::parse_ulimit(bad); }), "--ulimit " + std::string(bad)));
  }
}

TEST_CASE("devices are read as docker reads them") {
  const auto check = [](const std::string& text, const engine::HostDevice& expected) {
    const engine::HostDevice read = engine::parse_device(text);
    INFO(text);
    CHECK(read.source == expected.source);
    CHECK(read.destination == expected.destination);
    CHECK(read.access == expected.access);
  };
  check("/dev/null", {"/dev/null", "/dev/null", "rwm"});
  check("/dev/null:/dev/void", {"/dev/null", "/dev/void", "rwm"});
  check("/dev/null:r", {"/dev/null", "/dev/null", "r"});
  check("/dev/null:/dev/void:rw", {"/dev/null", "/dev/void", "rw"});
  for (const char* bad : {"", "null", "/dev/null:void", "/dev/null:/dev/void:x", "/dev/null:/dev/void:r:w"}) {
    INFO(bad);
    CHECK(tells(refused([&] { engine::parse_device(bad); }), "--device " + std::string(bad)));
  }
}

TEST_CASE("a device has the host's numbers, and a directory stands for the devices in it") {
  const auto nodes = engine::nodes_of({"/dev/null", "/dev/void", "rwm"});
  REQUIRE(nodes.size() == 1);
  CHECK(nodes[0].path == "/dev/void");
  CHECK(nodes[0].type == 'c');
  CHECK(nodes[0].major == 1);
  CHECK(nodes[0].minor == 3);
  CHECK(tells(refused([] { engine::nodes_of({"/dev/not-there", "/dev/x", "r"}); }), "/dev/not-there"));
  CHECK(tells(refused([] { engine::nodes_of({"/etc/passwd", "/dev/x", "r"}); }), "no device"));
  const auto all = engine::nodes_of({"/dev", "/dev/host", "rwm"});
  CHECK(std::any_of(all.begin(), all.end(), [](const auto& node) { return node.path == "/dev/host/null"; }));
  CHECK(std::none_of(all.begin(), all.end(), [](const auto& node) { return tells(node.path, "/pts/"); }));
}

TEST_CASE("security options take walls away one by one") {
  engine::Confinement chosen;
  cli::read_security_option("seccomp=unconfined", chosen);
  CHECK_FALSE(chosen.seccomp);
  cli::read_security_option("seccomp=builtin", chosen);
  REQUIRE(chosen.seccomp);
  CHECK(chosen.seccomp->json.empty());
  cli::read_security_option("no-new-privileges", chosen);
  CHECK(chosen.no_new_privileges);
  cli::read_security_option("no-new-privileges:false", chosen);
  CHECK_FALSE(chosen.no_new_privileges);
  cli::read_security_option("no-new-privileges=true", chosen);
  CHECK(chosen.no_new_privileges);
  cli::read_security_option("systempaths=unconfined", chosen);
  CHECK_FALSE(chosen.system_paths);
  cli::read_security_option("apparmor=unconfined", chosen);
  for (const char* bad :
       {"", "seccomp", "seccomp=", "no-new-privileges=maybe", "systempaths=on", "apparmor=x", "fly"}) {
    INFO(bad);
    CHECK(tells(refused([&] { cli::read_security_option(bad, chosen); }), "--security-opt " + std::string(bad)));
  }
  CHECK(tells(refused([&] { cli::read_security_option("seccomp=/not/there", chosen); }), "/not/there"));
}

TEST_CASE("coracle run tells all that can be confined and let loose") {
  const std::string help = test::run({test::coracle(), "run", "--help"}).out;
  for (const char* option : {"--cap-add", "--cap-drop", "--security-opt", "--privileged", "--ulimit", "--device",
                             "--group-add", "--sysctl", "--oom-score-adj"}) {
    INFO(option);
    CHECK(tells(help, option));
  }
}

TEST_CASE("how a container is confined is kept whole for who joins it") {
  const test::TemporaryDirectory directory;
  parts::ConfineOptions options;
  options.capabilities = parts::CapabilityOptions{.bounding = 7, .permitted = 6, .effective = 4, .ambient = 2};
  options.no_new_privileges = true;
  options.rlimits = {{RLIMIT_NOFILE, 10, RLIM_INFINITY}, {RLIMIT_CORE, 0, 0}};
  options.oom_score_adj = -7;
  const parts::SeccompFilter filter{{{1, 2, 3, 4}, {5, 6, 7, 0xffffffff}}, 9};
  parts::keep_confinement(directory.path(), options, filter);
  const parts::ConfineOptions read = parts::read_confinement(directory.path());
  REQUIRE(read.capabilities);
  CHECK(read.capabilities->bounding == 7);
  CHECK(read.capabilities->permitted == 6);
  CHECK(read.capabilities->effective == 4);
  CHECK(read.capabilities->inheritable == 0);
  CHECK(read.capabilities->ambient == 2);
  CHECK(read.no_new_privileges);
  CHECK(read.new_keyring);
  REQUIRE(read.rlimits.size() == 2);
  CHECK(read.rlimits[0].resource == RLIMIT_NOFILE);
  CHECK(read.rlimits[0].hard == RLIM_INFINITY);
  CHECK(read.oom_score_adj == -7);
  const auto& kept = std::get<parts::SeccompFilter>(read.seccomp);
  CHECK(kept.flags == 9);
  REQUIRE(kept.program.size() == 2);
  CHECK(kept.program[1].k == 0xffffffff);

  parts::keep_confinement(directory.path(), {}, std::nullopt);
  const parts::ConfineOptions open = parts::read_confinement(directory.path());
  CHECK_FALSE(open.capabilities);
  CHECK(std::holds_alternative<std::monostate>(open.seccomp));
}
