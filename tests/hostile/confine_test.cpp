// Images and callers that were prepared to get more than a container has: users, groups, capabilities, keys, masks and
// settings. The faults of others that these tests are for stand above each.
#include <filesystem>
#include <fstream>

#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <fmt/format.h>

#include "kernel/error.hpp"
#include "kernel/keyring.hpp"
#include "kernel/mount.hpp"
#include "kernel/probe.hpp"
#include "launch/launch.hpp"
#include "parts/confine.hpp"
#include "parts/confine/masks.hpp"
#include "parts/mounts.hpp"
#include "parts/namespaces.hpp"
#include "parts/root.hpp"
#include "support/support.hpp"

using namespace coracle;
using namespace coracle::test;
namespace fs = std::filesystem;
using kernel::Error;
using Words = std::vector<std::string>;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

// A root file system to be made hostile, and a directory of the host that nobody inside may reach.
struct Host {
  TemporaryDirectory scratch;
  std::string root = scratch.path() + "/root";
  std::string canary = scratch.path() + "/canary";

  Host() {
    fs::copy(busybox_rootfs(), root, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    fs::create_directories(canary);
    write(canary + "/file", "secret");
    fs::copy_file(lesson("walls"), root + "/bin/walls");
  }

  Words command(const Words& options, const Words& inside) const {
    Words words = {lesson("08-confine")};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(root);
    words.insert(words.end(), inside.begin(), inside.end());
    return words;
  }

  Result run(const Words& options, const std::string& script) const {
    return test::run(command(options, {"sh", "-c", script}));
  }

  // "UID:GID GROUPS" of a program started with -u USER; "" when the start was refused. The image's own id(1) would read
  // the image's tables.
  std::string id(const std::string& user) const {
    const Result result = run({"-u", user},
                              "set -- $(grep -E '^(Uid|Gid|Groups):' /proc/self/status); "
                              "echo $2:$7 $(grep ^Groups: /proc/self/status | cut -f 2)");
    if (result.status != 0) {
      INFO(result.err);
      CHECK(result.status == 125);
      CHECK(result.out.empty());
      return "";
    }
    return result.out.substr(0, result.out.size() - 1);
  }
};

// Starts a container in the root directory itself, with these mounts. Gives what was thrown, or the status.
std::string start_in(const std::string& root, const parts::MountOptions& mounts, const parts::ConfineOptions& confine,
                     const std::string& script = "true") {
  parts::Parts list;
  list.push_back(parts::make_namespaces({}));
  list.push_back(parts::make_mounts(mounts));
  list.push_back(parts::make_root({.rootfs = root}));
  list.push_back(parts::make_confine(confine));
  const launch::Process process{.args = {"sh", "-c", script}};
  try {
    return std::to_string(launch::run(process, list, {launch::default_run_root(), launch::new_id()}).ending.status());
  } catch (const Error& error) {
    return error.what();
  }
}

// Docker's mounts, without those at and below `path`.
parts::MountOptions mounts_without(const std::string& path) {
  parts::MountOptions options;
  std::erase_if(options.mounts, [&](const parts::Mount& mount) { return mount.destination.rfind(path, 0) == 0; });
  return options;
}

}  // namespace

// CVE-2026-30892, CVE-2024-40635
TEST_CASE("a user is who was named, or the start is refused; nobody becomes root by a number") {
  const Host host;
  write(host.root + "/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/:/bin/sh\nbig:x:4294967296:0::/:/bin/sh\n"
        "negative:x:-1:0::/:/bin/sh\nhex:x:0x0:0::/:/bin/sh\nempty:x:::/:/bin/sh\n");
  write(host.root + "/etc/group", "root:x:0:\nweb:x:33:\nbig:x:4294967296:\nstaff:x:50:web,1\nwheel:x:10:root\n");
  CHECK(host.id("") == "0:0 0 10");
  CHECK(host.id("0") == "0:0 0 10");
  CHECK(host.id("0:0") == "0:0 0");
  CHECK(host.id("1") == "1:0 0");
  CHECK(host.id("web") == "33:33 33 50");
  CHECK(host.id("33") == "33:33 33 50");
  CHECK(host.id("web:staff") == "33:50 50");
  CHECK(host.id("web:7") == "33:7 7");
  CHECK(host.id("1:7") == "1:7 7");
  CHECK(host.id("2147483647:2147483647") == "2147483647:2147483647 2147483647");
  for (const char* bad : {"-1",
                          "-0",
                          "+0",
                          "2147483648",
                          "4294967295",
                          "4294967296",
                          "18446744073709551616",
                          "1:-1",
                          "1:4294967296",
                          "1:4294967295",
                          ":",
                          ":0",
                          "big",
                          "negative",
                          "hex",
                          "empty",
                          "nobody-here",
                          "web:big",
                          "web:nobody-here",
                          " 0",
                          "0 ",
                          "0x0",
                          "1e0",
                          "web\n"}) {
    INFO(bad);
    CHECK(host.id(bad).empty());
  }
}

// CVE-2026-46680
TEST_CASE("a number is a number, also when a user of the image has it as a name") {
  const Host host;
  write(host.root + "/etc/passwd", "1000:x:0:0::/:/bin/sh\nroot:x:0:0::/root:/bin/sh\n");
  write(host.root + "/etc/group", "1000:x:0:\n");
  CHECK(host.id("1000") == "1000:0 0");
  CHECK(host.id("1000:1000") == "1000:1000 1000");
}

// CVE-2024-9676, CVE-2026-47262
TEST_CASE("a table of users that is no plain file, or has no end, neither hangs nor reaches the host") {
  const Host host;
  const std::string table = host.root + "/etc/passwd";
  fs::remove(table);
  REQUIRE(mkfifo(table.c_str(), 0644) == 0);
  CHECK(host.id("7") == "7:0 0");
  CHECK(host.id("web").empty());
  for (const std::string& target : {std::string("/dev/zero"), std::string("/proc/self/mem"), host.canary}) {
    fs::remove(table);
    fs::create_symlink(target, table);
    INFO(target);
    CHECK(host.id("web").empty());
  }
  fs::remove(table);
  write(table, std::string(3U << 20U, 'a'));
  CHECK(host.id("web").empty());
}

// CVE-2022-36109, CVE-2022-2989, CVE-2023-25173: "negative" groups are forbidden things by belonging to them.
TEST_CASE("the groups of who starts a container are not the container's") {
  const Host host;
  for (const char* user : {"", "0", "1000", "1000:1000"}) {
    Words words = {"setpriv", "--groups", "0,4711,4712"};
    for (const std::string& word : host.command({"-u", user}, {"id", "-G"})) words.push_back(word);
    const Result result = run(words);
    INFO(user << ": " << result.err);
    CHECK(result.status == 0);
    CHECK_FALSE(contains(result.out, "471"));
  }
}

// CVE-2022-24769, CVE-2022-27649, CVE-2022-29162
TEST_CASE("what who starts a container could inherit is not the container's to inherit") {
  const Host host;
  for (const char* user : {"0", "1000"}) {
    Words words = {"setpriv", "--inh-caps", "+net_admin,+sys_ptrace", "--ambient-caps", "+net_admin"};
    const Words inside = {"grep", "-E", "Cap(Inh|Amb)", "/proc/self/status"};
    for (const std::string& word : host.command({"-u", user}, inside)) words.push_back(word);
    const Result result = run(words);
    INFO(user << ": " << result.err);
    CHECK(result.out == "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n");
  }
}

TEST_CASE("the keys of who starts a container are out of reach, with and without the filter") {
  if (!kernel::join_new_session_keyring()) SKIP_WITHOUT("keys in the kernel");  // ours, for the rest of the tests
  const long key = syscall(SYS_add_key, "user", "canary", "secret", 6, KEY_SPEC_SESSION_KEYRING);
  REQUIRE(key > 0);
  const Host host;
  const auto answer = [&](Words words) {
    words.insert(words.end(), {host.root, "walls"});
    const std::string text = run(words).out;
    const std::size_t line = text.find("read the session's keys");
    return text.substr(line + 38, text.find('\n', line) - line - 38);
  };
  CHECK(answer({lesson("07-volumes")}) == "done");  // so it would be
  CHECK(answer({lesson("08-confine")}) == "EPERM");
  CHECK(answer({lesson("08-confine"), "--seccomp", "unconfined"}) == "ENOKEY");
  CHECK(contains(host.run({"--seccomp", "unconfined"}, "cat /proc/keys; echo end").out, "end"));
  CHECK_FALSE(contains(host.run({"--seccomp", "unconfined"}, "cat /proc/keys").out, "canary"));
}

// CVE-2025-31133
TEST_CASE("an image's own /dev/null is not what files are masked with") {
  const Host host;
  fs::create_directories(host.root + "/dev");
  const std::string look = "cat /proc/timer_list | wc -c; : >>/proc/timer_list; stat -c %t:%T /dev/null";
  for (const std::string& target : {host.canary + "/file", std::string("/proc/sys/kernel/core_pattern")}) {
    fs::remove_all(host.root + "/dev/null");
    fs::create_symlink(target, host.root + "/dev/null");
    CHECK(host.run({}, look).out == "0\n1:3\n");
  }
  // Where /dev is the image's own, a false one ends the start.
  const parts::ConfineOptions docker = parts::docker_confinement();
  fs::remove_all(host.root + "/dev/null");
  fs::create_symlink("/proc/sys/kernel/core_pattern", host.root + "/dev/null");
  parts::MountOptions bare = mounts_without("/dev");
  bare.devices.clear();
  CHECK(contains(start_in(host.root, bare, docker), "/dev/null"));
  fs::remove_all(host.root + "/dev/null");
  write(host.root + "/dev/null", "");
  CHECK(contains(start_in(host.root, bare, docker), "not the null device"));
  fs::remove_all(host.root + "/dev/null");
  REQUIRE(mknod((host.root + "/dev/null").c_str(), S_IFCHR | 0666, makedev(1, 5)) == 0);  // that is /dev/zero
  CHECK(contains(start_in(host.root, bare, docker), "not the null device"));
  fs::remove_all(host.root + "/dev/null");
  REQUIRE(mknod((host.root + "/dev/null").c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0);
  CHECK(start_in(host.root, bare, docker, "test -z \"$(cat /proc/timer_list)\"") == "0");
}

TEST_CASE("a masked path that is a link hides what it leads to, inside the root") {
  const Host host;
  fs::create_symlink(host.canary, host.root + "/link");
  fs::create_symlink("/etc", host.root + "/inside");
  parts::ConfineOptions options;
  options.masked_paths = {"/link", "/inside", "/not/there"};
  options.readonly_paths = {"/link/x", "/not/there"};
  CHECK(start_in(host.root, {}, options, "test -z \"$(ls /etc)\"") == "0");
  CHECK(fs::exists(host.canary + "/file"));
}

// CVE-2019-19921, CVE-2025-52881
TEST_CASE("a setting is written to the kernel's own procfs, or the start is refused") {
  const Host host;
  parts::ConfineOptions options;
  options.sysctls = {{"kernel.msgmax", "9000"}};
  CHECK(start_in(host.root, {}, options, "test $(cat /proc/sys/kernel/msgmax) = 9000") == "0");
  const parts::MountOptions without = mounts_without("/proc");
  fs::create_directories(host.root + "/proc/sys/kernel");
  write(host.root + "/proc/sys/kernel/msgmax", "untouched");
  CHECK(contains(start_in(host.root, without, options), "procfs"));
  CHECK(kernel::read_file(host.root + "/proc/sys/kernel/msgmax") == "untouched");
  fs::remove_all(host.root + "/proc");
  fs::create_symlink("/sys", host.root + "/proc");
  CHECK(contains(start_in(host.root, without, options), "/proc"));
}

TEST_CASE("what is mounted over a part of procfs is not written to") {
  const kernel::Failure failure = kernel::probe(CLONE_NEWNS, [] {
    kernel::mount("hostile", "/proc/sys", "tmpfs", 0);
    kernel::make_directories("/proc/sys/kernel");
    kernel::create_file("/proc/sys/kernel/msgmax", "untouched");
    try {
      if (parts::find_in_proc(parts::open_proc(), "sys/kernel/msgmax", O_WRONLY)) throw Error("it was opened", 0);
    } catch (const Error& error) {
      if (error.code() != EXDEV) throw;
    }
    try {
      if (parts::find_in_proc(parts::open_proc(), "self/oom_score_adj", O_WRONLY))
        throw Error("a link was followed", 0);
    } catch (const Error& error) {
      if (error.code() != ELOOP) throw;
    }
  });
  if (failure) FAIL_CHECK(failure->what());
}

// CVE-2022-0492
TEST_CASE("no program of the host can be named as the release agent of a cgroup") {
  const Host host;
  const Result result = host.run({},
                                 "mkdir /c; mount -t cgroup -o memory none /c; unshare -UrC true; "
                                 "unshare -Urm true; find / -name release_agent 2>/dev/null");
  CHECK(result.out.empty());
  CHECK(contains(result.err, "permission denied"));
  CHECK(contains(result.err, "Operation not permitted"));
}

// CVE-2024-21626
TEST_CASE("no descriptor of who starts a container leads out of it") {
  const Host host;
  for (int number = 0; number <= 12; ++number) {
    std::string line = "exec 5<" + host.canary + " 9<" + host.canary + "; exec";
    for (const std::string& word :
         host.command({"-w", fmt::format("/proc/self/fd/{}", number)},
                      {"sh", "-c", "cat file ./../canary/file ../../canary/file; ls /proc/self/fd"}))
      line += " '" + word + "'";
    const Result result = run({"bash", "-c", line});
    INFO(number << ": " << result.out << result.err);
    CHECK_FALSE(contains(result.out, "secret"));
    if (result.status == 0) CHECK_FALSE(contains(result.out, "5\n"));
  }
}

// CVE-2019-5736
TEST_CASE("a container that runs its own /proc/self/exe does not reach the program that started it") {
  const Host host;
  const std::string before = kernel::read_file(lesson("08-confine"), 64U << 20U);
  write(host.root + "/script", "#!/proc/self/exe\n");
  fs::permissions(host.root + "/script", fs::perms::owner_all);
  for (const Words& command : {Words{"/proc/self/exe"}, {"/script"}, {"sh", "-c", "echo x >/proc/self/exe"}}) {
    const Result result = run(host.command({}, command));
    INFO(command[0] << ": " << result.out << result.err);
    CHECK_FALSE(contains(result.out + result.err, "usage: 08-confine"));
  }
  CHECK(kernel::read_file(lesson("08-confine"), 64U << 20U) == before);
}
