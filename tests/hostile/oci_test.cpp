// coracle-oci against bundles that mean harm, callers that err, and its own sudden death.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/fd.hpp"
#include "support/bundle.hpp"

using namespace coracle;
using namespace coracle::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Refused in one line, with the status 1, and nothing begun.
void check_refused(const Bundle& bundle, const Result& result, const std::string& expected) {
  INFO(result.out << result.err);
  CHECK(result.status == 1);
  CHECK(contains(result.err, expected));
  CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  CHECK((!fs::exists(bundle.state()) || fs::is_empty(bundle.state())));
}

// A directory of the host that nothing may touch.
class Canary {
 public:
  explicit Canary(const std::string& path) : path_(path) {
    fs::create_directories(path + "/directory");
    std::ofstream(path + "/file") << "secret";
  }
  const std::string& path() const { return path_; }
  bool is_untouched() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(path_)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names == std::vector<std::string>{"directory", "file"} && kernel::read_file(path_ + "/file") == "secret";
  }

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("ids that are no names are refused by every command, and lead nowhere") {
  const Bundle bundle({"true"});
  const Canary canary(bundle.scratch() + "/canary");
  std::vector<std::string> ids = {"",       ".",    "..",  "/",  "../canary", "a/b",
                                  "/tmp/x", "a\nb", "a b", "a*", "ä",         std::string(256, 'a')};
  for (const std::string& id : ids) {
    for (const std::string command : {"state", "kill", "start", "delete", "pause", "resume", "ps"}) {
      INFO(command << " " << id);
      check_refused(bundle, bundle.oci({command, id}), "as the id of a container");
    }
    check_refused(bundle, bundle.oci({"delete", "--force", id}), "as the id of a container");
    check_refused(bundle, bundle.oci({"create", "-b", bundle.path(), id}), "as the id of a container");
    CHECK(bundle.oci({"exec", id, "true"}).status == 255);
  }
  CHECK(canary.is_untouched());
  CHECK(bundle.oci({"run", "-b", bundle.path(), "-_+.1a"}).status == 1);  // an option, as others have it
  CHECK(bundle.oci({"run", "-b", bundle.path(), "_+.1a-"}).status == 0);
}

TEST_CASE("a config.json that is missing, broken or no file is refused with its reason") {
  Bundle bundle({"true"});
  const auto create = [&] { return bundle.oci({"create", "--bundle", bundle.path(), "one"}); };
  bundle.write("");
  check_refused(bundle, create(), "not JSON");
  bundle.write(bundle.config.dump().substr(0, 700));
  check_refused(bundle, create(), "not JSON");
  bundle.write(
      "\x7f"
      "ELF\x02\x01\x01");
  check_refused(bundle, create(), "not JSON");
  fs::remove(bundle.path() + "/config.json");
  check_refused(bundle, create(), "config.json: ENOENT");
  fs::create_directory(bundle.path() + "/config.json");
  check_refused(bundle, create(), "EISDIR");
  fs::remove(bundle.path() + "/config.json");
  REQUIRE(mkfifo((bundle.path() + "/config.json").c_str(), 0600) == 0);
  check_refused(bundle, create(), "not JSON");
  check_refused(bundle, bundle.oci({"create", "--bundle", "/missing", "one"}), "open /missing: ENOENT");
}

TEST_CASE("a config.json of 10 MB is read, and one that has no end is not") {
  Bundle bundle({"echo", "ran"});
  bundle.config["annotations"]["large"] = std::string(10 << 20, 'x');
  const Result large = bundle.oci({"run", "--bundle", bundle.path(), "one"});
  CHECK(large.out == "ran\n");
  bundle.write("{}");
  fs::resize_file(bundle.path() + "/config.json", std::uintmax_t{1} << 40U);
  check_refused(bundle, bundle.oci({"create", "--bundle", bundle.path(), "one"}), "EFBIG");
}

TEST_CASE("namespaces by path must be namespaces of that kind") {
  Bundle bundle({"true"});
  struct Case {
    std::string type, path, expected;
  };
  for (const Case& one : {Case{"network", "/missing", "ENOENT"}, Case{"network", "/etc/passwd", "/etc/passwd"},
                          Case{"network", "/proc/self/ns/mnt", "/proc/self/ns/mnt"},
                          Case{"pid", "/proc/self/ns/net", "/proc/self/ns/net"}, Case{"ipc", "/proc", "/proc"},
                          Case{"uts", "/dev/null", "/dev/null"}}) {
    INFO(one.type << " " << one.path);
    auto& namespaces = bundle.config["linux"]["namespaces"];
    namespaces = json::array({{{"type", "mount"}}, {{"type", one.type}, {"path", one.path}}});
    bundle.config.erase("hostname");
    check_refused(bundle, bundle.quiet({"create", "--bundle", bundle.path(), "one"}), one.expected);
  }
}

TEST_CASE("what is wrong with a container is told by the create, and nothing stays") {
  struct Case {
    std::string pointer;
    json value;
    std::string expected;
  };
  const std::vector<Case> cases = {
      {"/root/path", "missing", "missing"},
      {"/root/path", "config.json", "a root file system is a directory"},
      {"/root/path", "/", "the host's own root"},
      {"/mounts/-", {{"destination", "/x"}, {"type", "nosuchfs"}, {"source", "x"}}, "nosuchfs"},
      {"/mounts/-", {{"destination", "/x"}, {"type", "bind"}, {"source", "/missing"}}, "/missing"},
      {"/mounts/-", {{"destination", "/proc/1"}, {"type", "tmpfs"}, {"source", "x"}}, "into /proc"},
      {"/mounts/-", {{"destination", "/bin"}, {"type", "bind"}, {"source", "/etc/passwd"}}, "a file on a file"},
      {"/mounts/-", {{"destination", "/x"}, {"type", "tmpfs"}, {"source", "x"}, {"options", {"size=none"}}}, "EINVAL"},
      {"/linux/seccomp", {{"defaultAction", "SCMP_ACT_FOO"}}, "SCMP_ACT_FOO"},
      {"/linux/seccomp", {{"defaultAction", "SCMP_ACT_ALLOW"}, {"listenerPath", "/x"}}, "listener"},
      {"/process/user", {{"uid", 4294967295}}, "4294967295"},
      {"/process/args", {"/bin/sh/x"}, "ENOTDIR"},
      {"/process/cwd", "/etc/passwd", "ENOTDIR"},
  };
  for (const Case& one : cases) {
    INFO(one.pointer << " = " << one.value.dump());
    Bundle bundle({"true"});
    bundle.config[json::json_pointer(one.pointer)] = one.value;
    check_refused(bundle, bundle.quiet({"run", "--bundle", bundle.path(), "one"}), one.expected);
  }
}

TEST_CASE("a root with links at the places of mounts is confined to itself or refused") {
  for (const std::string place : {"/proc", "/sys", "/dev", "/dev/pts", "/sys/fs/cgroup", "/data", "/etc/resolv.conf"}) {
    for (const std::string way :
         {"%", "../../../../../../../../../..%", "/proc/self/cwd/../..%", "/proc/1/root%", "/", "loop"}) {
      Bundle bundle({"true"});
      const Canary canary(bundle.scratch() + "/canary");
      std::string target = way;
      if (const std::size_t at = target.find('%'); at != std::string::npos) target.replace(at, 1, canary.path());
      INFO(place << " -> " << target);
      const std::string link = bundle.rootfs() + place;
      fs::create_directories(fs::path(link).parent_path());
      fs::remove_all(link);
      fs::create_symlink(target == "loop" ? fs::path(link).filename().string() : target, link);
      bundle.config["mounts"].push_back(
          {{"destination", "/data/sub"}, {"type", "tmpfs"}, {"source", "x"}, {"options", {"mode=700"}}});
      bundle.config["mounts"].push_back(
          {{"destination", "/etc/resolv.conf"}, {"type", "bind"}, {"source", "config.json"}, {"options", {"bind"}}});
      const Result result = bundle.oci({"run", "--bundle", bundle.path(), "one"});
      INFO(result.err);
      CHECK((result.status == 0 || result.status == 1));
      if (place == "/proc" || place == "/sys" || place == "/dev") CHECK(result.status == 1);
      CHECK(canary.is_untouched());
      CHECK(fs::is_empty(bundle.state()));
    }
  }
}

TEST_CASE(
    "the runtime killed at any step of a create, start, exec or delete leaves nothing that delete --force cannot "
    "clear") {
  if (run({"sh", "-c", "command -v strace"}).status != 0) SKIP_WITHOUT("strace");
  Bundle bundle({"sleep", "1000"});
  // The groups are the host's: another run of this test may be under way.
  const std::string group = fmt::format("/coracle-oci-killed-{}/one", getpid());
  bundle.config["linux"]["cgroupsPath"] = group;
  bundle.config["mounts"].push_back(
      {{"destination", "/bound"}, {"type", "bind"}, {"source", "/etc"}, {"options", {"rbind", "ro"}}});
  bundle.write();
  // Runs the command under strace, which kills it as it enters its system call number `step`; false when it had fewer.
  const auto killed_at = [&](int step, const std::vector<std::string>& words) {
    std::vector<std::string> all = {"sh",        "-c",     "exec \"$@\" </dev/null >/dev/null 2>&1",
                                    "sh",        "strace", "-o",
                                    "/dev/null", "-e",     fmt::format("inject=all:signal=KILL:when={}", step)};
    const auto ours = bundle.command(words);
    all.insert(all.end(), ours.begin(), ours.end());
    return run(all).status == 128 + SIGKILL;
  };
  const auto clear = [&] {
    const Result result = bundle.oci({"delete", "--force", "one"});
    INFO(result.err);
    CHECK(result.status == 0);
    CHECK((!fs::exists(bundle.state()) || fs::is_empty(bundle.state())));
    CHECK(!fs::exists("/sys/fs/cgroup/pids" + group));
    while (waitpid(-1, nullptr, WNOHANG) > 0) continue;  // what lost its parent came to us
  };
  // We are the heir of what a killed exec had begun: until it is reaped, the container's pid namespace does not end.
  const auto reap_all_but = [](pid_t first) {
    pid_t child = 0;
    do {
      std::istringstream children(kernel::read_file("/proc/thread-self/children"));
      while (children >> child && child == first) continue;
      if (!children) child = 0;
      if (child != 0) waitpid(child, nullptr, 0);
    } while (child != 0);
  };
  const std::vector<std::string> create = {"create", "--bundle", bundle.path(), "one"};
  const auto sweep_steps = [&](const char* what, bool created, const std::vector<std::string>& words) {
    int step = 1;
    for (bool killed = true; killed; ++step) {
      INFO(what << " killed at its system call " << step);
      if (created) bundle.create("one");
      if (created && words[0] == "exec") REQUIRE(bundle.oci({"start", "one"}).status == 0);
      const pid_t first = created ? bundle.pid_of("one") : 0;
      killed = killed_at(step, words);
      if (created) reap_all_but(first);
      clear();
    }
    CHECK(step > 10);
  };
  sweep_steps("create", false, create);
  sweep_steps("start", true, {"start", "one"});
  sweep_steps("exec", true, {"exec", "one", "true"});
  sweep_steps("delete", true, {"delete", "--force", "one"});
}
