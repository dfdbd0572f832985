// podman with coracle-oci in place of runc: the same commands, the same answers (podman-run(1) and the others).
#include <csignal>
#include <filesystem>

#include <fmt/format.h>

#include "e2e/podman.hpp"
#include "support/at_terminal.hpp"
#include "support/session.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

// What a command printed and how it ended, for comparing two runtimes. What errors say is each runtime's own.
std::string told(const Result& result) { return fmt::format("{}status {}\n", result.out, result.status); }

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// The layers of the image redis, the lowest first; built when they are not there yet.
Words redis_layers() {
  const std::string directory = busybox_layer().substr(0, busybox_layer().rfind('/'));
  const Result made =
      run({"nsenter", "--net=" + host_network(), source("rootfs/redis"), directory}, {}, std::chrono::minutes(10));
  INFO(made.err);
  REQUIRE(made.status == 0);
  return {directory + "/debian.tar.gz", directory + "/redis.tar.gz"};
}

std::string sorted(const std::string& text) { return run({"sort"}, text).out; }

}  // namespace

TEST_CASE("podman runs programs with coracle-oci as with runc") {
  if (!has_program("podman")) SKIP_WITHOUT("podman");
  std::map<std::string, std::string> answers;  // of the first runtime
  for (const std::string& runtime : runtimes()) {
    const Podman podman(runtime);
    podman.import_busybox();
    const auto same = [&](const std::string& what, const std::string& answer) {
      INFO(runtime << ": " << what << ": " << answer);
      CHECK(answers.emplace(what, answer).first->second == answer);
    };
    const auto ran = [&](const Words& options, const std::string& input = {}) {
      return podman(podman.run_words(options), input);
    };
    const Result failing = ran({"--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 3"});
    CHECK(failing.out == "out\n");
    CHECK(failing.err == "err\n");
    CHECK(failing.status == 3);
    CHECK(ran({"--rm", "-i", "busybox", "cat"}, "from stdin").out == "from stdin");
    CHECK(ran({"--rm", "busybox", "/no/such/program"}).status == 127);
    CHECK(ran({"--rm", "busybox", "/etc/passwd"}).status == 126);
    CHECK(ran({"--rm", "busybox", "sh", "-c", "kill -9 $$; sleep 9 & kill -9 $!; wait $!"}).status == 137);
    same("process", told(ran({"--rm", "-u", "33:100", "-w", "/tmp", "-e", "A=b", "-h", "web", "busybox", "sh", "-c",
                              "id; pwd; echo $A $HOME; hostname; umask"})));
    same("confinement", told(ran({"--rm", "busybox", "sh", "-c",
                                  "grep -E 'Cap|Seccomp:|NoNewPrivs|Groups' /proc/self/status; "
                                  "ulimit -n; cat /proc/self/oom_score_adj; ls -l /proc/self/ns/ | wc -l"})));
    same("capabilities", told(ran({"--rm", "--cap-drop=all", "--cap-add=net_raw", "--security-opt=no-new-privileges",
                                   "busybox", "grep", "-E", "Cap|NoNewPrivs", "/proc/self/status"})));
    same("privileged",
         told(ran({"--rm", "--privileged", "busybox", "grep", "-E", "Cap|Seccomp:", "/proc/self/status"})));
    kernel::make_directories(podman.path() + "/bound");
    const auto mounts = [&](const std::string& fields) {
      return sorted(ran({"--rm", "-v", podman.path() + "/bound:/v:ro", "--tmpfs", "/t:size=1m", "--read-only",
                         "busybox", "awk", fields, "/proc/self/mountinfo"})
                        .out);
    };
    same("mounts", mounts("{ print $5 }"));
    same("options of mounts", mounts("$5 ~ /^\\/(v|t|dev|proc|sys)?$/ { print $5, $6 }"));
    same("devices", sorted(ran({"--rm", "--device=/dev/null:/dev/other", "busybox", "sh", "-c",
                                "cd /dev; stat -c '%n %F %t,%T %a' null zero full random urandom tty other; ls"})
                               .out));
    same("sysctl",
         told(ran({"--rm", "--sysctl=net.ipv4.ip_forward=1", "busybox", "cat", "/proc/sys/net/ipv4/ip_forward"})));
    same("masks", told(ran({"--rm", "busybox", "sh", "-c",
                            "cat /proc/keys /proc/kcore | wc -c; ls /proc/acpi /sys/firmware; "
                            "echo 1 2>/dev/null >/proc/sys/kernel/sysrq || echo read-only"})));
    same("limits",
         told(ran({"--rm", "--memory=64m", "--pids-limit=50", "--cpus=0.5", "busybox", "sh", "-c",
                   "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us || "
                   "cat memory.max pids.max cpu.max"})));
  }
}

TEST_CASE("podman keeps a container with coracle-oci as with runc") {
  if (!has_program("podman")) SKIP_WITHOUT("podman");
  for (const std::string& runtime : runtimes()) {
    INFO(runtime);
    const Podman podman(runtime);
    podman.import_busybox();
    const Result started = podman(podman.run_words(
        {"-d", "--name=box", "--health-cmd=test -e /healthy", "--health-interval=disable", "busybox", "sh", "-c",
         "trap 'echo asked to end; exit 5' TERM; echo started; echo wrong >&2; while :; do sleep 0.1; done"}));
    INFO(started.err);
    REQUIRE(started.status == 0);
    CHECK(podman.status_of("box").rfind("Up", 0) == 0);

    CHECK(told(podman({"exec", "box", "sh", "-c", "echo inside; exit 7"})) == "inside\nstatus 7\n");
    CHECK(podman({"exec", "-u", "33", "-w", "/tmp", "-e", "A=b", "box", "sh", "-c", "id -u; pwd; echo $A"}).out ==
          "33\n/tmp\nb\n");
    CHECK(podman({"exec", "-i", "box", "cat"}, "from stdin").out == "from stdin");
    CHECK(podman({"exec", "box", "/no/such/program"}).status == 127);
    CHECK(podman({"exec", "-d", "box", "touch", "/made"}).status == 0);
    CHECK(eventually([&] { return podman({"exec", "box", "test", "-e", "/made"}).status == 0; }));

    CHECK(podman({"healthcheck", "run", "box"}).status == 1);
    CHECK(podman({"exec", "box", "touch", "/healthy"}).status == 0);
    CHECK(podman({"healthcheck", "run", "box"}).status == 0);

    CHECK(contains(podman({"top", "box", "pid", "comm"}).out, "sh"));
    const Result stats = podman({"stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "box"});
    INFO(stats.out << stats.err);
    CHECK(stats.out.rfind("box ", 0) == 0);

    CHECK(podman({"pause", "box"}).status == 0);
    CHECK(podman.status_of("box").rfind("Paused", 0) == 0);
    CHECK(podman({"exec", "box", "true"}).status != 0);
    CHECK(podman({"unpause", "box"}).status == 0);
    CHECK(podman.status_of("box").rfind("Up", 0) == 0);

    CHECK(podman({"stop", "box"}).status == 0);
    CHECK(podman.status_of("box").rfind("Exited (5)", 0) == 0);
    const Result logs = podman({"logs", "box"});
    CHECK(logs.out == "started\nasked to end\n");
    CHECK(logs.err == "wrong\n");

    // The same container a second time, when podman has unmade what the first left.
    CHECK(eventually([&] { return podman({"start", "box"}).status == 0; }));
    CHECK(eventually([&] { return podman({"logs", "box"}).out == "started\nasked to end\nstarted\n"; }));
    CHECK(podman({"kill", "box"}).status == 0);
    CHECK(podman({"wait", "box"}).out == "137\n");
    CHECK(podman({"rm", "box"}).status == 0);
    CHECK(podman({"ps", "--all", "--quiet"}).out.empty());
  }
}

TEST_CASE("podman gives a person a terminal with coracle-oci as with runc") {
  if (!has_program("podman")) SKIP_WITHOUT("podman");
  for (const std::string& runtime : runtimes()) {
    INFO(runtime);
    const Podman podman(runtime);
    podman.import_busybox();
    AtTerminal person(podman.command(podman.run_words({"-it", "--name=box", "busybox", "sh"})), 31, 97);
    person.read_until("#");
    person.type("tty; stty size; echo x >/dev/tty; exit 4\n");
    person.read_until("/dev/pts/0");
    person.read_until("31 97");
    CHECK(person.wait() == 4);

    REQUIRE(podman(podman.run_words({"-d", "--name=other", "busybox", "sleep", "1000"})).status == 0);
    AtTerminal guest(podman.command({"exec", "-it", "other", "sh"}), 24, 80);
    guest.read_until("#");
    guest.type("stty size; exit 6\n");
    guest.read_until("24 80");
    CHECK(guest.wait() == 6);
    CHECK(podman({"kill", "other"}).status == 0);
    CHECK(podman({"wait", "other"}).out == "137\n");
  }
}

TEST_CASE("podman serves redis with coracle-oci as with runc") {
  if (!has_program("podman")) SKIP_WITHOUT("podman");
  if (!has_program("redis-cli")) SKIP_WITHOUT("redis-cli (package redis-tools)");
  const Words layers = redis_layers();
  for (const std::string& runtime : runtimes()) {
    INFO(runtime);
    const Podman podman(runtime);
    const std::string rootfs = podman.path() + "/rootfs";
    kernel::make_directories(rootfs);
    for (const std::string& layer : layers) REQUIRE(run({"tar", "-xzpf", layer, "-C", rootfs}).status == 0);
    const Words words = {"run",
                         "-d",
                         "--name=redis",
                         "--network=host",
                         std::string("--cgroup-parent=/") + kPodmanGroup,
                         "--user=redis",
                         "-v",
                         "data:/var/lib/redis",
                         "-w",
                         "/var/lib/redis",
                         "--memory=256m",
                         "--health-cmd=redis-cli -p 1234 get boat | grep coracle",
                         "--health-interval=disable",
                         "--rootfs",
                         rootfs,
                         "redis-server",
                         "--port",
                         "1234",
                         "--dir",
                         "/var/lib/redis",
                         "--appendonly",
                         "yes"};
    const auto redis = [](const Words& question) {
      Words all = {"redis-cli", "-p", "1234"};
      all.insert(all.end(), question.begin(), question.end());
      return run(all).out;
    };
    const Result started = podman(words);
    INFO(started.err);
    REQUIRE(started.status == 0);
    REQUIRE(eventually([&] { return redis({"ping"}) == "PONG\n"; }));
    CHECK(podman({"healthcheck", "run", "redis"}).status == 1);
    CHECK(redis({"set", "boat", "coracle"}) == "OK\n");
    CHECK(podman({"healthcheck", "run", "redis"}).status == 0);
    CHECK(podman({"stop", "redis"}).status == 0);
    CHECK(podman.status_of("redis").rfind("Exited (0)", 0) == 0);
    CHECK(podman({"rm", "redis"}).status == 0);
    REQUIRE(podman(words).status == 0);
    REQUIRE(eventually([&] { return redis({"ping"}) == "PONG\n"; }));
    CHECK(redis({"get", "boat"}) == "coracle\n");
    CHECK(podman({"exec", "redis", "id", "-un"}).out == "redis\n");
    CHECK(podman({"kill", "redis"}).status == 0);
    CHECK(podman({"wait", "redis"}).out == "137\n");
  }
}
