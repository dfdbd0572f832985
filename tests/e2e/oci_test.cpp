// coracle-oci as podman and containerd call it: the life of a container, each command, and what is refused.
#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/cgroup_trees.hpp"
#include "kernel/fd.hpp"
#include "support/bundle.hpp"

using namespace coracle;
using namespace coracle::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const std::vector<std::string> kWait = {"sleep", "1000"};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
std::string read(const std::string& path) { return kernel::read_file(path); }

// What every error has in common: one line, the status 1 (255 of exec), and what it says.
void check_refused(const Result& result, const std::string& expected, int status = 1) {
  INFO(result.err);
  CHECK(result.status == status);
  CHECK(contains(result.err, expected));
  CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
}

}  // namespace

TEST_CASE("a container is created, runs, stops and is deleted, and its state says so") {
  const Bundle bundle(kWait);
  const Result created =
      bundle.quiet({"create", "--bundle", bundle.path(), "--pid-file", bundle.scratch() + "/pid", "one"});
  INFO(created.err);
  REQUIRE(created.status == 0);
  json state = bundle.state_of("one");
  CHECK(state["status"] == "created");
  CHECK(state["id"] == "one");
  CHECK(state["bundle"] == bundle.path());
  CHECK(state["ociVersion"] == bundle.config["ociVersion"]);
  CHECK(std::to_string(state["pid"].get<int>()) == read(bundle.scratch() + "/pid"));
  CHECK(!contains(read(fmt::format("/proc/{}/cmdline", state["pid"].get<int>())), "sleep"));

  REQUIRE(bundle.oci({"start", "one"}).status == 0);
  CHECK(bundle.status_of("one") == "running");
  CHECK(contains(read(fmt::format("/proc/{}/cmdline", state["pid"].get<int>())), "sleep"));
  CHECK(contains(bundle.oci({"list"}).out, "running"));
  CHECK(json::parse(bundle.oci({"list", "--format", "json"}).out)[0]["pid"] == state["pid"]);

  REQUIRE(bundle.oci({"kill", "one", "KILL"}).status == 0);
  REQUIRE(bundle.reaches("one", "stopped"));
  REQUIRE(bundle.oci({"delete", "one"}).status == 0);
  CHECK(!fs::exists(bundle.state() + "/one"));
  CHECK(json::parse(bundle.oci({"list", "--format", "json"}).out).is_null());
}

TEST_CASE("what runs is the bundle as it was at the create") {
  Bundle bundle({"echo", "as created"});
  bundle.create("one");
  bundle.config["process"]["args"] = {"echo", "changed"};
  bundle.write();
  REQUIRE(bundle.oci({"start", "one"}).status == 0);
  REQUIRE(bundle.reaches("one", "stopped"));
  CHECK(bundle.printed() == "as created\n");
}

TEST_CASE("run passes the exit status on and leaves nothing") {
  for (const auto& [script, status] :
       std::vector<std::pair<std::string, int>>{{"exit 0", 0},
                                                {"exit 7", 7},
                                                {"kill -TERM $$; sleep 1", 128 + SIGTERM},
                                                {"trap 'exit 3' USR1; kill -USR1 $$", 3}}) {
    INFO(script);
    Bundle bundle({"sh", "-c", script});
    bundle.config["linux"]["namespaces"].erase(0);  // without a pid namespace of its own, a signal by itself can end it
    CHECK(bundle.oci({"run", "--bundle", bundle.path(), "one"}).status == status);
    CHECK(fs::is_empty(bundle.state()));
  }
  const Bundle bundle({"true"});
  REQUIRE(bundle.quiet({"run", "--detach", "--bundle", bundle.path(), "one"}).status == 0);
  REQUIRE(bundle.reaches("one", "stopped"));
  CHECK(bundle.oci({"delete", "one"}).status == 0);
}

TEST_CASE("a program that cannot be run is an error of the create, and nothing is left") {
  for (const auto& [program, expected] : std::vector<std::pair<std::string, std::string>>{
           {"missing", "no such program"}, {"/missing", "ENOENT"}, {"/etc/passwd", "EACCES"}}) {
    const Bundle bundle({program});
    check_refused(bundle.quiet({"run", "--bundle", bundle.path(), "one"}), expected);
    CHECK(fs::is_empty(bundle.state()));
  }
}

TEST_CASE("commands that do not fit the state of the container are refused and change nothing") {
  const Bundle bundle(kWait);
  bundle.create("one");
  check_refused(bundle.quiet({"create", "--bundle", bundle.path(), "one"}), "EEXIST");
  check_refused(bundle.oci({"resume", "one"}), "container not paused");
  REQUIRE(bundle.oci({"start", "one"}).status == 0);
  check_refused(bundle.oci({"start", "one"}), "started already");
  check_refused(bundle.oci({"delete", "one"}), "not stopped");
  CHECK(bundle.status_of("one") == "running");
  REQUIRE(bundle.oci({"kill", "one", "9"}).status == 0);
  REQUIRE(bundle.reaches("one", "stopped"));
  check_refused(bundle.oci({"start", "one"}), "stopped");
  check_refused(bundle.oci({"kill", "one"}), "container not running");
  check_refused(bundle.oci({"pause", "one"}), "container not running");
  check_refused(bundle.oci({"update", "--pids-limit", "9", "one"}), "container not running");
  check_refused(bundle.oci({"exec", "one", "true"}), "stopped", 255);
  REQUIRE(bundle.oci({"delete", "one"}).status == 0);
  for (const std::string command : {"start", "state", "kill", "delete", "pause", "resume", "ps", "update"})
    check_refused(bundle.oci({command, "one"}), "container does not exist");
  check_refused(bundle.oci({"exec", "one", "true"}), "container does not exist", 255);
  CHECK(bundle.oci({"delete", "--force", "one"}).status == 0);
}

TEST_CASE("delete --force ends a container in any state, and one that was only created needs no force") {
  const Bundle bundle(kWait);
  bundle.create("created");
  CHECK(bundle.oci({"delete", "created"}).status == 0);
  bundle.start("running");
  CHECK(bundle.oci({"delete", "--force", "running"}).status == 0);
  bundle.start("paused");
  REQUIRE(bundle.oci({"pause", "paused"}).status == 0);
  CHECK(bundle.oci({"delete", "--force", "paused"}).status == 0);
  CHECK(fs::is_empty(bundle.state()));
}

TEST_CASE("kill takes signals by name and by number, and refuses others") {
  const Bundle bundle(
      {"sh", "-c", "trap 'echo usr' USR1; trap 'echo hup' HUP; echo ready; while :; do sleep 0.01; done"});
  bundle.start("one");
  REQUIRE(eventually([&] { return contains(bundle.printed(), "ready"); }));
  for (const std::string signal : {"", "FOO", "0x9", "65", "SIG", "9 "})
    check_refused(bundle.oci({"kill", "one", signal}), "unknown signal");
  CHECK(bundle.status_of("one") == "running");
  for (const std::string signal : {"USR1", "SIGUSR1", "usr1", "10", "1"})
    CHECK(bundle.oci({"kill", "one", signal}).status == 0);
  REQUIRE(eventually([&] { return contains(bundle.printed(), "usr") && contains(bundle.printed(), "hup"); }));
  // The default is TERM, which pid 1 of a namespace ignores as long as it has no handler (pid_namespaces(7)).
  CHECK(bundle.oci({"kill", "one"}).status == 0);
  CHECK(bundle.status_of("one") == "running");
}

TEST_CASE("kill --all reaches every process of a container that shares the host's pids") {
  Bundle bundle({"sh", "-c", "sleep 1000 & sleep 1001 & echo ready; wait"});
  bundle.config["linux"]["namespaces"].erase(0);
  bundle.start("one");
  REQUIRE(eventually([&] { return contains(bundle.printed(), "ready"); }));
  CHECK(json::parse(bundle.oci({"ps", "--format", "json", "one"}).out).size() == 3);
  REQUIRE(bundle.oci({"kill", "--all", "one", "KILL"}).status == 0);
  REQUIRE(bundle.reaches("one", "stopped"));
  CHECK(eventually([&] { return json::parse(bundle.oci({"ps", "-f", "json", "one"}).out).empty(); }));
}

TEST_CASE("exec runs in the container's namespaces and groups, with no more power than its program") {
  Bundle bundle(kWait);
  if (!kernel::CgroupTrees::unified()) bundle.config["linux"]["namespaces"].push_back({{"type", "cgroup"}});
  bundle.start("one");
  const pid_t pid = bundle.pid_of("one");
  const Result links =
      bundle.oci({"exec", "one", "sh", "-c", "for i in /proc/self/ns/*; do readlink $i; done; cat /proc/self/cgroup"});
  INFO(links.err);
  for (const std::string name : {"cgroup", "ipc", "mnt", "net", "pid", "uts"})
    CHECK(contains(links.out, fs::read_symlink(fmt::format("/proc/{}/ns/{}", pid, name)).string()));
  CHECK(contains(links.out, "0::/\n"));
  std::string first;
  for (const std::string line : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp:"}) {
    const std::string status = read(fmt::format("/proc/{}/status", pid));
    const std::size_t begin = status.find("\n" + line) + 1;
    first += status.substr(begin, status.find('\n', begin) - begin) + "\n";
  }
  CHECK(bundle.oci({"exec", "one", "grep", "-E", "^(Cap|NoNewPrivs|Seccomp:)", "/proc/self/status"}).out == first);
}

TEST_CASE("without a mount namespace a container is in ours, and its mounts go with it") {
  Bundle bundle(kWait);
  std::erase_if(bundle.config["linux"]["namespaces"].get_ref<json::array_t&>(),
                [](const json& entry) { return entry["type"] == "mount"; });
  bundle.config["root"]["readonly"] = true;
  bundle.start("one");
  CHECK(namespace_of(bundle.pid_of("one"), "mnt") == namespace_of(getpid(), "mnt"));
  CHECK(contains(read("/proc/self/mountinfo"), bundle.state() + "/one/root-on-host/proc "));
  const Result seen = bundle.oci({"exec", "one", "sh", "-c", "ls -d /bin/busybox; wc -c </proc/keys; touch /x || pwd"});
  INFO(seen.err);
  CHECK(seen.out == "/bin/busybox\n0\n/\n");
  CHECK(contains(seen.err, "Read-only"));
  REQUIRE(bundle.oci({"kill", "one", "KILL"}).status == 0);
  REQUIRE(bundle.reaches("one", "stopped"));
  CHECK(bundle.oci({"delete", "one"}).status == 0);
  CHECK(!contains(read("/proc/self/mountinfo"), bundle.scratch()));
  CHECK(fs::exists(bundle.rootfs() + "/bin/busybox"));

  bundle.config["process"]["args"] = {"missing"};
  check_refused(bundle.quiet({"run", "--bundle", bundle.path(), "one"}), "no such program");
  CHECK(!contains(read("/proc/self/mountinfo"), bundle.scratch()));
  CHECK(fs::exists(bundle.rootfs() + "/bin/busybox"));
}

TEST_CASE("without a mount namespace nothing is mounted on the host's own directories, shared as they are") {
  Bundle bundle(kWait);
  std::erase_if(bundle.config["linux"]["namespaces"].get_ref<json::array_t&>(),
                [](const json& entry) { return entry["type"] == "mount"; });
  const std::string host = bundle.scratch() + "/host";
  fs::create_directories(host + "/sub");
  bundle.config["mounts"].push_back(
      {{"destination", "/mnt"}, {"type", "bind"}, {"source", host}, {"options", {"rbind"}}});
  bundle.config["mounts"].push_back({{"destination", "/mnt/sub"}, {"type", "tmpfs"}, {"source", "tmpfs"}});
  bundle.write();
  const std::string oci = fmt::format("{} --root {}", coracle_oci(), bundle.state());
  const Result tables =
      run({"unshare", "--mount", "--propagation", "shared", "sh", "-c",
           fmt::format("exec 2>&1; {0} create --bundle {1} one </dev/null >/dev/null; cat /proc/self/mountinfo;"
                       "echo then; {0} delete --force one; cat /proc/self/mountinfo",
                       oci, bundle.path())});
  INFO(tables.out);
  const std::string before = tables.out.substr(0, tables.out.find("then\n"));
  CHECK(contains(before, bundle.state() + "/one/root-on-host/mnt/sub "));
  CHECK(!contains(before, host + "/sub "));
  CHECK(!contains(tables.out.substr(before.size()), bundle.state()));
}

TEST_CASE("exec has its own directory, variables, user, groups and exit status") {
  const Bundle bundle(kWait);
  bundle.start("one");
  const Result told = bundle.oci({"exec", "--cwd", "/etc", "--env", "A=b", "--user", "7:8", "--additional-gids", "9",
                                  "one", "sh", "-c", "pwd; echo $A; id -u; id -g; id -G; exit 4"});
  CHECK(told.out == "/etc\nb\n7\n8\n8 9\n");
  CHECK(told.status == 4);

  const json process = {{"args", {"sh", "-c", "echo $X; pwd; id -u; exit 5"}},
                        {"cwd", "/tmp"},
                        {"env", {"X=y", "PATH=/bin"}},
                        {"user", {{"uid", 11}, {"gid", 12}}}};
  std::ofstream(bundle.scratch() + "/process.json") << process.dump();
  const Result by_file = bundle.oci({"exec", "--process", bundle.scratch() + "/process.json", "one"});
  CHECK(by_file.out == "y\n/tmp\n11\n");
  CHECK(by_file.status == 5);

  CHECK(bundle.oci({"exec", "one", "missing"}).status == 255);
  CHECK(bundle.oci({"exec", "--process", "/missing", "one"}).status == 255);
  CHECK(bundle.oci({"exec", "one"}).status == 255);
}

TEST_CASE("a detached exec goes on alone, and its pid file says who it is") {
  const Bundle bundle(kWait);
  bundle.start("one");
  REQUIRE(bundle.quiet({"exec", "--detach", "--pid-file", bundle.scratch() + "/pid", "one", "sleep", "2000"}).status ==
          0);
  const pid_t pid = std::stoi(read(bundle.scratch() + "/pid"));
  CHECK(read(fmt::format("/proc/{}/cmdline", pid)) == std::string("sleep\0002000\0", 11));
  CHECK(namespace_of(pid, "pid") == namespace_of(bundle.pid_of("one"), "pid"));
  const json pids = json::parse(bundle.oci({"ps", "--format", "json", "one"}).out);
  CHECK(std::find(pids.begin(), pids.end(), pid) != pids.end());
  CHECK(contains(bundle.oci({"ps", "one"}).out, "sleep 2000"));
  // It lost its parent and came to us; until we wait for it, the pid namespace cannot end.
  REQUIRE(kill(pid, SIGKILL) == 0);
  REQUIRE(waitpid(pid, nullptr, 0) == pid);
}

TEST_CASE("a paused container stands still until it is resumed") {
  const Bundle bundle({"sh", "-c", "while :; do echo x; sleep 0.01; done"});
  bundle.start("one");
  REQUIRE(eventually([&] { return !bundle.printed().empty(); }));
  REQUIRE(bundle.oci({"pause", "one"}).status == 0);
  CHECK(bundle.status_of("one") == "paused");
  const std::string before = bundle.printed();
  CHECK(!eventually([&] { return bundle.printed() != before; }, std::chrono::seconds(1)));
  check_refused(bundle.oci({"exec", "one", "true"}), "paused", 255);
  check_refused(bundle.oci({"pause", "one"}), "container not running");
  REQUIRE(bundle.oci({"resume", "one"}).status == 0);
  CHECK(bundle.status_of("one") == "running");
  CHECK(eventually([&] { return bundle.printed() != before; }));
}

TEST_CASE("resources are set at the create and changed by update") {
  Bundle bundle(kWait);
  bundle.config["linux"]["resources"]["pids"]["limit"] = 20;
  const std::string group = fmt::format("/coracle-oci-test-{}/one", getpid());
  bundle.config["linux"]["cgroupsPath"] = group;
  bundle.start("one");
  const std::string version_1 = "/sys/fs/cgroup/pids";
  const std::string directory = (fs::exists(version_1) ? version_1 : "/sys/fs/cgroup") + group;
  if (!fs::exists(directory + "/pids.max")) SKIP_WITHOUT("cgroup controller pids");
  const auto limit = [&] { return read(directory + "/pids.max"); };
  CHECK(limit() == "20\n");
  REQUIRE(bundle.oci({"update", "--pids-limit", "30", "one"}).status == 0);
  CHECK(limit() == "30\n");
  std::ofstream(bundle.scratch() + "/r.json") << R"({"pids": {"limit": 40}})";
  REQUIRE(bundle.oci({"update", "--resources", bundle.scratch() + "/r.json", "one"}).status == 0);
  CHECK(limit() == "40\n");
  REQUIRE(run({"sh", "-c", "echo '{\"pids\": {\"limit\": 50}}' | \"$@\"", "sh", coracle_oci(), "--root", bundle.state(),
               "update", "-r", "-", "one"})
              .status == 0);
  CHECK(limit() == "50\n");
  check_refused(bundle.oci({"update", "--pids-limit", "many", "one"}), "\"many\"");
  CHECK(bundle.oci({"delete", "--force", "one"}).status == 0);
  CHECK(!fs::exists(directory));
}

TEST_CASE("without a cgroupsPath the group has the container's name, below our own") {
  const Bundle bundle(kWait);
  const std::string id = fmt::format("coracle-oci-{}", getpid());
  bundle.start(id);
  const std::string own = read("/proc/self/cgroup");
  const std::string containers = read(fmt::format("/proc/{}/cgroup", bundle.pid_of(id)));
  const auto group_of = [](const std::string& table) { return table.substr(table.find("0::") + 3); };  // proc(5)
  std::string above = group_of(own);
  above.pop_back();  // the end of the line
  // Version 2 has no room below a group with processes: there it is beside it.
  if (kernel::CgroupTrees::unified()) above = above.substr(0, above.rfind('/'));
  CHECK(group_of(containers) == (above == "/" ? "" : above) + "/" + id + "\n");
  CHECK(bundle.oci({"delete", "--force", id}).status == 0);
}

TEST_CASE("a container in whose group another is to be made lives on") {
  Bundle bundle(kWait);
  bundle.config["linux"]["cgroupsPath"] = fmt::format("/coracle-oci-same-{}", getpid());
  bundle.start("one");
  for (const std::string command : {"create", "run"})
    check_refused(bundle.quiet({command, "--bundle", bundle.path(), "two"}), "there are processes in this group");
  CHECK(bundle.status_of("one") == "running");
  CHECK(bundle.oci({"exec", "one", "true"}).status == 0);
  CHECK(!fs::exists(bundle.state() + "/two"));
}

TEST_CASE("a frozen group is refused and left as it is, and so is a place below it") {
  if (kernel::CgroupTrees().mount_of("freezer").empty() && kernel::CgroupTrees().mount_of("cgroup2").empty())
    SKIP_WITHOUT("a cgroup tree that can freeze");
  Bundle bundle(kWait);
  const std::string name = fmt::format("/coracle-oci-frozen-{}", getpid());
  for (const auto& [tree, file, word] : std::vector<std::array<std::string, 3>>{{"freezer", "freezer.state", "FROZEN"},
                                                                                {"cgroup2", "cgroup.freeze", "1"}}) {
    const std::string mount = kernel::CgroupTrees().mount_of(tree);
    if (mount.empty()) continue;
    INFO(tree);
    fs::create_directory(mount + name);
    kernel::write_file(mount + name + "/" + file, word);
    for (const std::string below : {"", "/one"}) {
      bundle.config["linux"]["cgroupsPath"] = name + below;
      for (const std::string command : {"create", "run"})
        check_refused(bundle.quiet({command, "--bundle", bundle.path(), "one"}),
                      "container's cgroup unexpectedly frozen");
      CHECK(fs::is_empty(bundle.state()));
    }
    CHECK(fs::remove(mount + name));
  }
}

TEST_CASE("descriptors pass to the program as --preserve-fds says, and no others") {
  Bundle bundle({"sh", "-c", "ls /proc/self/fd; cat <&3"});
  bundle.write();
  const std::string third = bundle.scratch() + "/third";
  std::ofstream(third) << "passed on";
  const auto run_with = [&](const std::string& option) {
    return run({"sh", "-c", "exec \"$@\" 3<\"$0\" 4</dev/null 5</dev/null", third, coracle_oci(), "--root",
                bundle.state(), "run", "--bundle", bundle.path(), option, "one"});
  };
  CHECK(contains(run_with("--preserve-fds=2").out, "0\n1\n2\n3\n4\n"));
  CHECK(!contains(run_with("--preserve-fds=2").out, "\n5\n6\n"));
  CHECK(contains(run_with("--preserve-fds=2").out, "passed on"));
  CHECK(!contains(run_with("--preserve-fds=0").out, "passed on"));
}

TEST_CASE("errors go to the log in the words that containerd reads") {
  const Bundle bundle({"missing"});
  const std::string log = bundle.scratch() + "/log";
  run({coracle_oci(), "--root", bundle.state(), "--log", log, "--log-format", "json", "state", "none"});
  const json line = json::parse(read(log));
  CHECK(line["level"] == "error");
  CHECK(contains(line["msg"], "container does not exist"));
  CHECK(line.contains("time"));
  run({coracle_oci(), "--root", bundle.state(), "--log", log, "--log-format", "text", "state", "none"});
  CHECK(contains(read(log), "level=error msg=\"find the container none"));
  check_refused(run({coracle_oci(), "--log-format", "xml", "list"}), "\"xml\"");
  check_refused(run({coracle_oci(), "--systemd-cgroup", "list"}), "cgroupfs");
}

TEST_CASE("two creates with the same id make one container, and two starts start it once") {
  for (int round = 0; round < 10; ++round) {
    const Bundle bundle({"sh", "-c", "echo once; sleep 1000"});
    bundle.write();
    const std::string both =
        "(\"$@\" >>\"$0/out\" 2>/dev/null </dev/null; echo $? >>\"$0/status\") & "
        "(\"$@\" >>\"$0/out\" 2>/dev/null </dev/null; echo $? >>\"$0/status\") & wait";
    const auto twice = [&](const std::vector<std::string>& words) {
      std::vector<std::string> all = {"sh", "-c", both, bundle.scratch()};
      const auto ours = bundle.command(words);
      all.insert(all.end(), ours.begin(), ours.end());
      run(all);
      std::string statuses = read(bundle.scratch() + "/status");
      fs::remove(bundle.scratch() + "/status");
      std::sort(statuses.begin(), statuses.end());
      return statuses;
    };
    CHECK(twice({"create", "--bundle", bundle.path(), "one"}) == "\n\n01");
    CHECK(bundle.status_of("one") == "created");
    CHECK(twice({"start", "one"}) == "\n\n01");
    CHECK(eventually([&] { return !bundle.printed().empty(); }));
    CHECK(bundle.printed() == "once\n");
  }
}

TEST_CASE("features and spec are JSON that says what is there, and spec writes over nothing") {
  const json features = json::parse(run({coracle_oci(), "features"}).out);
  CHECK(features["ociVersionMin"] == "1.0.0");
  CHECK(features["hooks"].size() == 6);
  const auto& options = features["mountOptions"];
  CHECK(std::find(options.begin(), options.end(), "rro") != options.end());
  const TemporaryDirectory place;
  CHECK(run({coracle_oci(), "spec", "--bundle", place.path()}).status == 0);
  const json spec = json::parse(read(place.path() + "/config.json"));
  CHECK(spec["root"]["path"] == "rootfs");
  // As runc: in version 1 a container sees the host's groups.
  CHECK(contains(spec["linux"]["namespaces"].dump(), "cgroup") == kernel::CgroupTrees::unified());
  check_refused(run({coracle_oci(), "spec", "--bundle", place.path()}), "EEXIST");
}
