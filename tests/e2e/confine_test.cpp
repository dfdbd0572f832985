// coracle run: what a program may do by default, and what the options change, as the kernel shows it.
#include <algorithm>
#include <csignal>
#include <sstream>

#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#include <fmt/format.h>

#include "e2e/home.hpp"
#include "kernel/capability.hpp"
#include "kernel/inode.hpp"
#include "parts/confine/masks.hpp"
#include "support/ordinary_user.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

Result in_busybox(const Home& home, const Words& options, const std::string& script) {
  Words words = {"run", "--rm", "--net", "none"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"busybox", "sh", "-c", script});
  return home.run(words);
}

std::string output(const Home& home, const Words& options, const std::string& script) {
  const Result result = in_busybox(home, options, script);
  INFO(result.err);
  CHECK(result.status == 0);
  return result.out;
}

// A line of /proc/self/status of a program in the container.
std::string status(const Home& home, const Words& options, const std::string& name) {
  std::string line = output(home, options, "grep ^" + name + ": /proc/self/status | cut -f 2");
  if (!line.empty() && line.back() == '\n') line.pop_back();
  return line;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void check_refused(const Home& home, const Words& options, const Words& told) {
  const Result result = in_busybox(home, options, "echo it ran");
  INFO(result.err);
  CHECK(result.status == 125);
  CHECK(result.out.empty());
  CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  for (const std::string& word : told) {
    INFO("should tell: " << word);
    CHECK(contains(result.err, word));
  }
}

}  // namespace

TEST_CASE("a container has docker's capabilities, inherits none, and is filtered") {
  const BusyboxHome home;
  for (const char* set : {"CapBnd", "CapPrm", "CapEff"}) CHECK(status(home, {}, set) == "00000000a80425fb");
  for (const char* set : {"CapInh", "CapAmb"}) CHECK(status(home, {}, set) == "0000000000000000");
  CHECK(status(home, {}, "Seccomp") == "2");
  CHECK(status(home, {}, "NoNewPrivs") == "0");
  CHECK(status(home, {}, "Groups") == "0 ");
}

TEST_CASE("a program that is not root has no capabilities and cannot get any but those of its bounding set") {
  const BusyboxHome home;
  for (const char* set : {"CapPrm", "CapEff", "CapInh", "CapAmb"})
    CHECK(status(home, {"-u", "1000"}, set) == "0000000000000000");
  CHECK(status(home, {"-u", "1000"}, "CapBnd") == "00000000a80425fb");
  CHECK(status(home, {"-u", "1000:7"}, "Groups") == "7 ");
  CHECK(status(home, {"-u", "1000", "--init"}, "CapPrm") == "0000000000000000");
}

TEST_CASE("capabilities are added and dropped") {
  const BusyboxHome home;
  CHECK(status(home, {"--cap-drop", "ALL"}, "CapEff") == "0000000000000000");
  CHECK(status(home, {"--cap-drop", "all", "--cap-add", "net_raw"}, "CapBnd") == "0000000000002000");
  CHECK(status(home, {"--cap-add=CAP_SYS_TIME", "--cap-drop=CHOWN"}, "CapEff") == "00000000aa0425fa");
  CHECK(status(home, {"--cap-add", "ALL"}, "CapEff") == fmt::format("{:016x}", kernel::capget().permitted));
  check_refused(home, {"--cap-add", "FLY"}, {"--cap-add FLY"});
}

TEST_CASE("a capability that coracle lacks itself cannot be given, and is named") {
  if ((kernel::capget().permitted >> 24U & 1U) != 0) SKIP_WITHOUT("a host without CAP_SYS_RESOURCE");
  const BusyboxHome home;
  check_refused(home, {"--cap-add", "SYS_RESOURCE"}, {"CAP_SYS_RESOURCE"});
}

TEST_CASE("what the kernel shows of the host is masked or read-only, and can be shown again") {
  const BusyboxHome home;
  const std::string look =
      "cat /proc/timer_list /proc/keys /proc/interrupts | wc -c; ls /sys/firmware | wc -l; "
      "for f in /proc/sys/kernel/core_pattern /proc/irq/default_smp_affinity; do sh -c \": >>$f\" 2>&1; done";
  const std::string hidden = output(home, {}, look + "; true");
  CHECK(contains(hidden, "0\n0\n"));
  CHECK(std::count(hidden.begin(), hidden.end(), '\n') == 4);
  CHECK(contains(hidden, "core_pattern: Read-only file system"));
  CHECK(contains(hidden, "default_smp_affinity: Read-only file system"));
  const std::string shown = output(home, {"--security-opt", "systempaths=unconfined"}, look + "; true");
  CHECK_FALSE(contains(shown, "Read-only"));
  CHECK_FALSE(contains(shown, "0\n0\n"));
}

TEST_CASE("every path that docker masks shows nothing, and none that it protects can be written") {
  const BusyboxHome home;
  std::string script;
  for (const std::string& path : parts::docker_masked_paths())
    script += fmt::format("[ ! -d {0} ] || ls -A {0}; [ -d {0} ] || [ ! -e {0} ] || cat {0}; ", path);
  CHECK(output(home, {}, script + "true").empty());
  const std::string mounts = output(home, {}, "cat /proc/self/mounts");
  for (const std::string& path : parts::docker_readonly_paths()) {
    INFO(path);
    if (kernel::exists(path)) CHECK(contains(mounts, " " + path + " proc ro,"));
  }
  // A program with all capabilities but SYS_ADMIN cannot take a mask away, and with the filter none at all can.
  CHECK(contains(in_busybox(home, {"--cap-add", "ALL", "--cap-drop", "SYS_ADMIN"}, "umount /proc/keys").err,
                 "not permitted"));
}

TEST_CASE("a system call filter can be taken away, or be another") {
  const BusyboxHome home;
  CHECK(status(home, {"--security-opt", "seccomp=unconfined"}, "Seccomp") == "0");
  CHECK(contains(in_busybox(home, {}, "unshare -U true").err, "not permitted"));
  CHECK(in_busybox(home, {"--security-opt", "seccomp=unconfined"}, "unshare -U true").status == 0);
  const std::string path = home.path() + "/profile.json";
  kernel::create_file(path, R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 18}]})");
  CHECK(contains(in_busybox(home, {"--security-opt", "seccomp=" + path}, "mkdir /x; unshare -U true").err,
                 "Invalid cross-device link"));
  kernel::create_file(path, R"({"defaultAction": "SCMP_ACT_FLY"})");
  check_refused(home, {"--security-opt", "seccomp=" + path}, {"SCMP_ACT_FLY"});
  kernel::create_file(path, R"({"defaultAction": )");
  check_refused(home, {"--security-opt", "seccomp=" + path}, {"seccomp profile", "parse error"});
  check_refused(home, {"--security-opt", "seccomp=/not/there"}, {"/not/there"});
}

TEST_CASE("a filter that kills is told by the status") {
  const BusyboxHome home;
  const std::string path = home.path() + "/profile.json";
  kernel::create_file(path, R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["mkdir"], "action": "SCMP_ACT_KILL_PROCESS"}]})");
  Words words = {"run", "--rm", "--net", "none", "--security-opt", "seccomp=" + path, "busybox", "mkdir", "/x"};
  CHECK(home.run(words).status == 128 + SIGSYS);
}

TEST_CASE("with no-new-privileges a set-user-ID program gives nothing") {
  const Home home;
  const std::string root = home.path() + "/root";
  const std::string archive = home.path() + "/walls.tar.gz";
  REQUIRE(run({"sh", "-c", "mkdir -p $0/bin && cp $1 $0/bin/ && chmod 4755 $0/bin/walls && tar -C $0 -czf $2 .", root,
               lesson("walls"), archive})
              .status == 0);
  REQUIRE(home.run({"import", busybox_layer(), archive, "busybox"}).status == 0);
  CHECK(contains(output(home, {"-u", "1000"}, "walls"), "I am root\n"));
  CHECK(contains(output(home, {"-u", "1000", "--security-opt", "no-new-privileges"}, "walls"), "I am not root\n"));
  CHECK(status(home, {"--security-opt", "no-new-privileges"}, "NoNewPrivs") == "1");
}

TEST_CASE("limits can be lowered, and cannot be raised above ours") {
  const BusyboxHome home;
  CHECK(output(home, {"--ulimit", "nofile=20:30"}, "ulimit -n; ulimit -Hn") == "20\n30\n");
  CHECK(output(home, {"--ulimit", "core=0", "--ulimit", "nproc=500"}, "ulimit -c") == "0\n");
  check_refused(home, {"--ulimit", "files=1"}, {"--ulimit files=1", "nofile"});
  if ((kernel::capget().permitted >> 24U & 1U) != 0) return;
  rlimit ours{};
  getrlimit(RLIMIT_NOFILE, &ours);
  check_refused(home, {"--ulimit", fmt::format("nofile={}", ours.rlim_max + 1)}, {"RLIMIT_NOFILE", "CAP_SYS_RESOURCE"});
}

TEST_CASE("a setting of the kernel is set where the container has it for itself, and only there") {
  const BusyboxHome home;
  const std::string before = kernel::read_file("/proc/sys/net/ipv4/ip_forward");
  CHECK(output(home, {"--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel/msgmax=9000"},
               "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax") == "1\n9000\n");
  CHECK(kernel::read_file("/proc/sys/net/ipv4/ip_forward") == before);
  check_refused(home, {"--sysctl", "kernel.core_pattern=x"}, {"kernel.core_pattern", "whole machine"});
  check_refused(home, {"--sysctl", "net.ipv4.nothing=1"}, {"net.ipv4.nothing"});
  check_refused(home, {"--sysctl", "net..ipv4=1"}, {"net..ipv4"});
  check_refused(home, {"--sysctl", "net/../kernel/sysrq=1"}, {"net/../kernel/sysrq"});
  check_refused(home, {"--sysctl", "x"}, {"--sysctl x"});
  check_refused(home, {"--net", "host", "--sysctl", "net.ipv4.ip_forward=1"}, {"network namespace"});
}

TEST_CASE("groups are added by name and by number") {
  const BusyboxHome home;
  CHECK(status(home, {"-u", "1000:7", "--group-add", "www-data", "--group-add", "4711"}, "Groups") == "7 33 4711 ");
  check_refused(home, {"--group-add", "nobody-here"}, {"nobody-here", "/etc/group"});
  check_refused(home, {"--group-add", "4294967296"}, {"4294967296"});
}

TEST_CASE("the readiness to be killed for memory is the one asked for") {
  const BusyboxHome home;
  CHECK(output(home, {"--oom-score-adj", "500"}, "cat /proc/self/oom_score_adj") == "500\n");
  check_refused(home, {"--oom-score-adj", "1001"}, {"1001"});
}

TEST_CASE("only the devices that were given can be opened, and only as they were given") {
  const BusyboxHome home;
  CHECK(output(home, {}, "for d in null zero full random urandom; do head -c 1 </dev/$d | wc -c; done") ==
        "0\n1\n1\n1\n1\n");
  CHECK(contains(in_busybox(home, {}, "mknod /disk b 7 0; cat /disk").err, "Operation not permitted"));
  CHECK(contains(in_busybox(home, {}, "mknod /fuse c 10 229; cat /fuse").err, "Operation not permitted"));
  if (!kernel::exists("/dev/kmsg")) SKIP_WITHOUT("/dev/kmsg");
  const Words given = {"--device", "/dev/kmsg:/dev/log-of-host:r", "--cap-add", "SYSLOG"};
  CHECK(output(home, given, "head -c 1 /dev/log-of-host | wc -c") == "1\n");
  CHECK(contains(in_busybox(home, given, ": >/dev/log-of-host").err, "Operation not permitted"));
  check_refused(home, {"--device", "/dev/not-there"}, {"/dev/not-there"});
  check_refused(home, {"--device", "x"}, {"--device x"});
}

TEST_CASE("a privileged container has no walls") {
  const BusyboxHome home;
  const Words privileged = {"--privileged"};
  CHECK(status(home, privileged, "CapEff") == fmt::format("{:016x}", kernel::capget().permitted));
  CHECK(status(home, privileged, "CapInh") == "0000000000000000");
  CHECK(status(home, privileged, "Seccomp") == "0");
  CHECK(output(home, privileged, "mount -t tmpfs none /mnt && head -c 1 /proc/timer_list | wc -c") == "1\n");
  CHECK(contains(output(home, privileged, "grep ' /sys ' /proc/self/mounts"), "sysfs rw,"));
  if (kernel::exists("/dev/kmsg")) CHECK(output(home, privileged, "head -c 1 /dev/kmsg | wc -c") == "1\n");
}

TEST_CASE("the compiled filter is kept in the data root, and a start does without it") {
  const BusyboxHome home;
  const std::string cache = home.path() + "/seccomp";
  CHECK(status(home, {}, "Seccomp") == "2");
  const auto kept = [&] { return kernel::list(kernel::open(cache, O_RDONLY | O_DIRECTORY)); };
  REQUIRE(kept().size() == 1);
  const std::string file = cache + "/" + kept()[0];
  const std::string good = kernel::read_file(file);
  kernel::create_file(file, good.substr(0, good.size() / 2));
  CHECK(status(home, {}, "Seccomp") == "2");
  CHECK(kernel::read_file(file) == good);
  kernel::remove_tree(cache);
  kernel::create_file(cache, "no directory");
  CHECK(status(home, {}, "Seccomp") == "2");
}

TEST_CASE("nothing but stdin, stdout and stderr is open in a container") {
  const BusyboxHome home;
  // Without a pipe: its ends are open in process 1 for a moment.
  CHECK(output(home, {}, "ls /proc/1/fd; true") == "0\n1\n2\n");
  CHECK(output(home, {"--init"}, "ls /proc/1/fd | tr '\\n' ' '") == "0 1 2 ");
}

TEST_CASE("an ordinary user's container has the same walls, in a user namespace") {
  const OrdinaryUser user;
  user.import_busybox();
  const auto output_of = [&](const Words& options, const std::string& script) {
    Words words = {"run", "--rm", "--net", "none"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"busybox", "sh", "-c", script});
    const Result result = user.run(words);
    INFO(result.err);
    CHECK(result.status == 0);
    return result.out;
  };
  const std::string look = "grep -E '^(CapInh|CapEff|CapBnd|Seccomp|NoNewPrivs):' /proc/self/status | cut -f 2";
  CHECK(output_of({}, look) == "0000000000000000\n00000000a80425fb\n00000000a80425fb\n0\n2\n");
  CHECK(output_of({"-u", "1000", "--security-opt", "no-new-privileges"}, look) ==
        "0000000000000000\n0000000000000000\n00000000a80425fb\n1\n2\n");
  CHECK(output_of({}, "cat /proc/timer_list /proc/keys | wc -c; ls /sys/firmware | wc -l") == "0\n0\n");
  CHECK(output_of({"-u", "1000:7", "--group-add", "33"}, "id -G") == "7 33\n");
  CHECK(output_of({"--ulimit", "nofile=20", "--sysctl", "net.ipv4.ip_forward=1", "--oom-score-adj", "900"},
                  "ulimit -n; cat /proc/sys/net/ipv4/ip_forward /proc/self/oom_score_adj") == "20\n1\n900\n");
  // All that there is in a user namespace is all of that namespace alone: the host's devices stay closed.
  CHECK(output_of({"--privileged"}, "mount -t tmpfs none /mnt && echo mounted; grep ^Seccomp: /proc/self/status") ==
        "mounted\nSeccomp:\t0\n");
  CHECK(user.left_behind().empty());
}
