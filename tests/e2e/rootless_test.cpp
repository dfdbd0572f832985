// coracle as an ordinary user: the same commands, in a user namespace of their own.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "kernel/fd.hpp"
#include "kernel/mount.hpp"
#include "kernel/process.hpp"
#include "support/archive.hpp"
#include "support/at_terminal.hpp"
#include "support/ordinary_user.hpp"
#include "support/support.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

using Words = std::vector<std::string>;
namespace fs = std::filesystem;

std::string namespace_link(pid_t pid) { return fs::read_symlink(fmt::format("/proc/{}/ns/user", pid)); }

struct stat status_of(const std::string& path) {
  struct stat status {};
  INFO(path);
  REQUIRE(lstat(path.c_str(), &status) == 0);
  return status;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Runs a command in busybox without a network.
Result in_busybox(const OrdinaryUser& user, Words options, const Words& command) {
  options.insert(options.begin(), {"run", "--net", "none"});
  options.push_back("busybox");
  options.insert(options.end(), command.begin(), command.end());
  return user.run(options);
}

std::string output(const OrdinaryUser& user, const Words& options, const Words& command) {
  const Result result = in_busybox(user, options, command);
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(result.err.empty());
  return result.out;
}

std::unique_ptr<Running> waiting(const OrdinaryUser& user, const Words& options) {
  Words words = {"run", "--net", "none"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"busybox", "sh", "-c", "echo ready; exec sleep 1000"});
  auto running = std::make_unique<Running>(user.coracle(words));
  running->read_until("ready\n");
  return running;
}

// A cgroup that belongs to the ordinary user, as systemd's Delegate= makes it: in the tree of version 2, where
// processes are in a group of their own below it, and on hybrid hosts in that of the controller pids as well.
class DelegatedGroup {
 public:
  DelegatedGroup() {
    if (kernel::exists("/sys/fs/cgroup/cgroup.controllers")) {
      make("/sys/fs/cgroup", "/leaf");
      std::ofstream(groups_[0].path + "/cgroup.subtree_control") << "+pids";
    } else if (kernel::exists("/sys/fs/cgroup/pids/cgroup.procs")) {
      make("/sys/fs/cgroup/pids", "");
      if (kernel::exists("/sys/fs/cgroup/unified/cgroup.procs")) make("/sys/fs/cgroup/unified", "/leaf");
    }
  }
  ~DelegatedGroup() {
    for (const Group& group : groups_) test::run({"find", group.path, "-depth", "-type", "d", "-delete"});
  }
  DelegatedGroup(const DelegatedGroup&) = delete;
  DelegatedGroup& operator=(const DelegatedGroup&) = delete;

  explicit operator bool() const { return !groups_.empty(); }

  // Runs the command in it.
  Result run(const Words& words) const {
    std::string script;
    for (const Group& group : groups_) script += fmt::format("echo $$ > {}/cgroup.procs && ", group.leaf);
    Words all = {"sh", "-c", script + "exec \"$@\"", "sh"};
    all.insert(all.end(), words.begin(), words.end());
    return test::run(all);
  }

  // Whether it has only what it was made with.
  bool empty() const {
    int more = 0;
    for (const Group& group : groups_) {
      for (const auto& entry : fs::directory_iterator(group.path)) more += entry.is_directory() ? 1 : 0;
      more -= group.leaf == group.path ? 0 : 1;
    }
    return more == 0;
  }

 private:
  struct Group {
    std::string path, leaf;
  };

  void make(const std::string& tree, const std::string& leaf) {
    const std::string path = fmt::format("{}/delegated-{}", tree, getpid());
    fs::create_directories(path + leaf);
    test::run({"chown", "-R", fmt::format("{0}:{0}", OrdinaryUser::kUid), path});
    groups_.push_back({path, path + leaf});
  }

  std::vector<Group> groups_;
};

}  // namespace

TEST_CASE("an ordinary user imports an image and is root in its containers alone") {
  const OrdinaryUser user;
  user.import_busybox();
  CHECK(output(user, {}, {"id", "-u"}) == "0\n");
  const auto running = waiting(user, {});
  const pid_t pid = running->child();
  CHECK(namespace_of(pid, "user") != namespace_of(getpid(), "user"));
  for (const char* kind : {"mnt", "pid", "uts", "ipc", "cgroup", "net"}) {
    INFO(kind);
    CHECK(namespace_of(pid, kind) != namespace_of(getpid(), kind));
  }
  std::istringstream map(kernel::read_file(fmt::format("/proc/{}/uid_map", pid)));
  std::vector<unsigned> numbers{std::istream_iterator<unsigned>(map), {}};
  CHECK(numbers == std::vector<unsigned>{0, OrdinaryUser::kUid, 1, 1, OrdinaryUser::kFirst, OrdinaryUser::kCount});
  kill(pid, SIGKILL);
  CHECK(running->wait().status == 128 + SIGKILL);
  CHECK(user.left_behind().empty());
}

TEST_CASE("what an ordinary user keeps is below the home, and nobody else looks into it") {
  const OrdinaryUser user;
  user.import_busybox();
  const auto running = waiting(user, {});
  for (const std::string& path : {user.data_root(), user.data_root() + "/layers", user.data_root() + "/containers",
                                  user.data_root() + "/blobs", user.run_root()}) {
    INFO(path);
    CHECK((status_of(path).st_mode & 07777) == 0700);
    CHECK(status_of(path).st_uid == OrdinaryUser::kUid);
  }
  running->signal(SIGKILL);
  running->wait();
}

TEST_CASE("without XDG_RUNTIME_DIR the state of what runs is in a directory of this user alone") {
  const OrdinaryUser user;
  user.import_busybox();
  const std::string directory = fmt::format("/dev/shm/coracle-{}", OrdinaryUser::kUid);
  Words words = user.coracle({"run", "--net", "none", "busybox", "true"});
  words.insert(std::find(words.begin(), words.end(), "-i") + 1, {"-u", "XDG_RUNTIME_DIR"});
  std::erase_if(words, [](const std::string& word) { return word.starts_with("XDG_RUNTIME_DIR="); });
  CHECK(test::run(words).status == 0);
  CHECK((status_of(directory).st_mode & 07777) == 0700);
  CHECK(status_of(directory).st_uid == OrdinaryUser::kUid);
  fs::remove_all(directory);

  fs::create_directory(directory);  // somebody else was there first
  const Result refused = test::run(words);
  CHECK(refused.status == 125);
  CHECK(has(refused.err, directory));
  CHECK(has(refused.err, "CORACLE_RUN"));
  fs::remove_all(directory);
}

TEST_CASE("the root of an ordinary user's container has no power over the host") {
  const OrdinaryUser user;
  user.import_busybox();
  const std::string secret = user.home() + "/../secret";
  std::ofstream(secret) << "secret";
  fs::permissions(secret, fs::perms(0600));
  const Result read = in_busybox(user, {"-v", secret + ":/secret"}, {"cat", "/secret"});
  CHECK(read.status != 0);
  CHECK(has(read.err, "Permission denied"));
  CHECK(in_busybox(user, {}, {"sh", "-c", "echo 1 > /proc/sys/kernel/sysrq"}).status != 0);
  CHECK(in_busybox(user, {}, {"sh", "-c", "mknod /n c 1 1"}).status != 0);
}

TEST_CASE("an ordinary user's container has the devices of every container") {
  const OrdinaryUser user;
  user.import_busybox();
  const std::string list = output(
      user, {},
      {"stat", "-c", "%n %t:%T %a", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"});
  CHECK(list ==
        "/dev/null 1:3 666\n/dev/zero 1:5 666\n/dev/full 1:7 666\n/dev/random 1:8 666\n/dev/urandom 1:9 666\n"
        "/dev/tty 5:0 666\n");
  CHECK(output(user, {}, {"sh", "-c", "echo gone > /dev/null; head -c 3 /dev/zero | wc -c; ls /dev/pts/ptmx"}) ==
        "3\n/dev/pts/ptmx\n");
}

TEST_CASE("a volume of an ordinary user belongs to the user, and to the subordinate ids inside") {
  const OrdinaryUser user;
  user.import_busybox();
  const std::string shared = user.home() + "/shared";
  const Words options = {"-v", shared + ":/shared", "-v", "kept:/kept"};
  output(user, options,
         {"sh", "-c",
          "echo mine > /shared/mine; echo theirs > /shared/theirs; chown 7:8 /shared/theirs; echo 1 > /kept/one"});
  CHECK(status_of(shared + "/mine").st_uid == OrdinaryUser::kUid);
  CHECK(status_of(shared + "/theirs").st_uid == OrdinaryUser::kFirst + 6);
  CHECK(status_of(shared + "/theirs").st_gid == OrdinaryUser::kFirst + 7);
  CHECK(output(user, options, {"cat", "/shared/mine", "/kept/one"}) == "mine\n1\n");
  CHECK(in_busybox(user, {"-v", shared + ":/shared:ro"}, {"touch", "/shared/new"}).status != 0);
}

TEST_CASE("an ordinary user runs a program as another user of the image") {
  const OrdinaryUser user;
  user.import_busybox();
  const std::string shared = user.home() + "/shared";
  output(user, {"-v", shared + ":/shared"}, {"chmod", "777", "/shared"});
  CHECK(output(user, {"-u", "1000:100", "-v", shared + ":/shared"},
               {"sh", "-c", "id -u; id -g; id -G; touch /shared/file"}) == "1000\n100\n100\n");
  CHECK(status_of(shared + "/file").st_uid == OrdinaryUser::kFirst + 999);
  const Result beyond = in_busybox(user, {"-u", "70000"}, {"true"});
  CHECK(beyond.status == 125);
  CHECK(has(beyond.err, "70000"));
  CHECK(has(beyond.err, "/etc/subuid"));
}

TEST_CASE("the layers of an ordinary user keep their owners, whiteouts and opaque directories") {
  const OrdinaryUser user;
  const std::string lower = user.home() + "/lower.tar";
  const std::string upper = user.home() + "/upper.tar";
  write_file(lower,
             Tar().directory("d").file("d/old").file("gone").add({.name = "owned", .uid = 33, .gid = 34}).bytes());
  write_file(upper, Tar().file("d/.wh..wh..opq").file("d/new").file(".wh.gone").bytes());
  user.import_busybox();
  const Result imported = user.run({"import", user.program(busybox_layer()), lower, upper, "layered"});
  INFO(imported.err);
  REQUIRE(imported.status == 0);
  const Result result = user.run({"run", "--net", "none", "layered", "sh", "-c",
                                  "ls /d; ls /gone; stat -c %u:%g /owned; rm -r /d; mkdir /d; ls /d"});
  CHECK(result.out == "new\n33:34\n");
  CHECK(user.left_behind().empty());
}

TEST_CASE("an image whose owner is beyond the subordinate ids is refused with the id") {
  const OrdinaryUser user;
  const std::string archive = user.home() + "/far.tar";
  write_file(archive, Tar().add({.name = "far", .uid = 70000}).bytes());
  const Result result = user.run({"import", archive, "far"});
  CHECK(result.status == 125);
  CHECK(has(result.err, "70000"));
  CHECK(has(result.err, "/etc/subuid"));
  CHECK(has(result.err, "far"));
  CHECK(user.left_behind().empty());
}

TEST_CASE("on the host's network an ordinary user's container cannot write to /sys nor to the cgroups in it") {
  const OrdinaryUser user;
  user.import_busybox();
  const Result result = user.run({"run", "--net", "host", "busybox", "sh", "-c",
                                  "while read -r _ _ _ _ place flags _; do case $place in /sys*) echo \"$flags\";; "
                                  "esac; done < /proc/self/mountinfo"});
  INFO(result.err);
  CHECK(result.status == 0);
  std::istringstream lines(result.out);
  int count = 0;
  for (std::string flags; std::getline(lines, flags); ++count) CHECK(flags.starts_with("ro,"));
  CHECK(count > 0);
}

TEST_CASE("an ordinary user's container without a network has lo alone") {
  const OrdinaryUser user;
  user.import_busybox();
  CHECK(output(user, {}, {"ls", "/sys/class/net"}) == "lo\n");
}

TEST_CASE("when an ordinary user's coracle is killed, its container ends and the next command clears up") {
  const OrdinaryUser user;
  user.import_busybox();
  const auto running = waiting(user, {"-u", "1000"});
  const pid_t pid = running->child();
  running->signal(SIGKILL);
  running->wait();
  CHECK(eventually([&] { return !fs::exists(fmt::format("/proc/{}/root", pid)); }));
  CHECK(user.run({"images"}).status == 0);
  output(user, {}, {"true"});
  CHECK(user.left_behind().empty());
}

TEST_CASE("a program that became another user ends with the next command when an ordinary user's coracle was killed") {
  const OrdinaryUser user;
  user.import_busybox();
  Running running(user.coracle(
      {"run", "--net", "none", "busybox", "su", "-s", "/bin/sh", "www-data", "-c", "echo ready; exec sleep 1000"}));
  running.read_until("ready\n");
  const pid_t pid = running.child();
  const kernel::Fd program = kernel::pidfd_open(pid);
  CHECK(status_of(fmt::format("/proc/{}", pid)).st_uid == OrdinaryUser::kFirst + 32);
  running.signal(SIGKILL);
  running.wait();
  output(user, {}, {"true"});
  const bool ended = !kernel::send_signal(program, 0) || !fs::exists(fmt::format("/proc/{}/root", pid));
  CHECK(ended);
  CHECK(user.left_behind().empty());
}

TEST_CASE("a directory for the state of containers that everybody can write to is not used") {
  const OrdinaryUser user;
  user.import_busybox();
  fs::create_directories(user.run_root());
  fs::permissions(user.run_root(), fs::perms(0777));
  const Result result = in_busybox(user, {}, {"true"});
  CHECK(result.status == 125);
  CHECK(has(result.err, user.run_root()));
}

TEST_CASE("an ordinary user enters a running container") {
  const OrdinaryUser user;
  user.import_busybox();
  const auto running = waiting(user, {"--name", "boat"});
  const Result inside = user.run({"exec", "boat", "sh", "-c", "id -u; readlink /proc/self/ns/user; cat /proc/1/comm"});
  INFO(inside.err);
  CHECK(inside.status == 0);
  CHECK(inside.out == "0\n" + namespace_link(running->child()) + "\nsleep\n");
  CHECK(user.run({"exec", "-u", "1000", "boat", "sh", "-c", "id -u; exit 3"}).out == "1000\n");
  CHECK(user.run({"exec", "boat", "sh", "-c", "exit 3"}).status == 3);
  kill(running->child(), SIGKILL);
  running->wait();
}

TEST_CASE("an ordinary user's files of other ids are removed with the container") {
  const OrdinaryUser user;
  user.import_busybox();
  output(user, {}, {"sh", "-c", "mkdir -p /a/b && touch /a/b/c && chown -R 1234:1234 /a && chmod 700 /a"});
  CHECK(user.left_behind().empty());
}

TEST_CASE("exit statuses of an ordinary user's containers are docker's") {
  const OrdinaryUser user;
  user.import_busybox();
  CHECK(in_busybox(user, {}, {"sh", "-c", "exit 7"}).status == 7);
  CHECK(in_busybox(user, {}, {"/etc"}).status == 126);
  CHECK(in_busybox(user, {}, {"/nothing"}).status == 127);
  CHECK(user.run({"run", "no-such-image"}).status == 125);
}

TEST_CASE(
    "limits are left out with one warning where the cgroups are not the user's, and without a word where none is asked "
    "for") {
  const OrdinaryUser user;
  user.import_busybox();
  const Result result = in_busybox(user, {"--memory", "64m", "--pids-limit", "20", "--cpus", "0.5"}, {"echo", "runs"});
  CHECK(result.status == 0);
  CHECK(result.out == "runs\n");
  CHECK(has(result.err, "warning: the container runs without limits"));
  CHECK(has(result.err, "Delegate=yes"));
  CHECK(result.err.find('\n') == result.err.size() - 1);
  output(user, {}, {"true"});  // which checks that nothing is said
}

TEST_CASE("an ordinary user's limits hold where the cgroups are the user's") {
  const OrdinaryUser user;
  user.import_busybox();
  const DelegatedGroup group;
  if (!group) SKIP_WITHOUT("pids controller to delegate");
  const Result result =
      group.run(user.coracle({"run", "--net", "none", "--pids-limit", "5", "busybox", "sh", "-c",
                              "cat /proc/self/cgroup; for i in 1 2 3 4 5 6; do sleep 1 & done; true"}));
  INFO(result.out << result.err);
  CHECK(!has(result.err, "warning"));
  CHECK(has(result.err, "can't fork"));
  CHECK(group.empty());
}

TEST_CASE("without subordinate ids a user is told once, and root alone is there") {
  const OrdinaryUser user(OrdinaryUser::Ids::none);
  user.import_busybox();
  const Result result = in_busybox(
      user, {}, {"sh", "-c", "id -u; cat /proc/self/setgroups; wc -l < /proc/self/uid_map; echo > /dev/null"});
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(result.out == "0\ndeny\n1\n");
  CHECK(has(result.err, "/etc/subuid gives this user no ids"));
  CHECK(has(result.err, "usermod --add-subuids"));
  CHECK(result.err.find("note:") == result.err.rfind("note:"));
  CHECK(has(in_busybox(user, {"-u", "1000"}, {"true"}).err, "/etc/subuid"));

  const std::string archive = user.home() + "/owned.tar";
  write_file(archive, Tar().add({.name = "owned", .uid = 33, .gid = 33}).bytes());
  const Result refused = user.run({"import", archive, "owned"});
  CHECK(refused.status == 125);
  CHECK(has(refused.err, "user 33"));
}

TEST_CASE("a newuidmap that is not setuid is named, and the user alone is mapped") {
  const OrdinaryUser user;
  const std::string copy = user.home() + "/../newuidmap";
  fs::copy_file("/usr/bin/newuidmap", copy);
  fs::permissions(copy, fs::perms(0755));
  kernel::mount(copy, "/usr/bin/newuidmap", "", MS_BIND);
  user.import_busybox();
  const Result result = in_busybox(user, {}, {"true"});
  umount2("/usr/bin/newuidmap", MNT_DETACH);
  CHECK(result.status == 0);
  CHECK(has(result.err, "newuidmap is not setuid"));
}

TEST_CASE("an ordinary user's container has a terminal, also when its program is another user") {
  const OrdinaryUser user;
  user.import_busybox();
  CHECK(output(user, {"-t"}, {"tty"}) == "/dev/pts/0\r\n");
  CHECK(output(user, {"-t", "-u", "www-data"}, {"sh", "-c", "stat -c %U /dev/pts/0; echo >/dev/tty done"}) ==
        "www-data\r\ndone\r\n");
  AtTerminal person(user.coracle({"run", "--net", "none", "-it", "-u", "www-data", "busybox", "sh"}), 33, 77);
  person.read_until("$ ");
  person.type("stty size\r");
  person.read_until("33 77");
  person.type("exit 4\r");
  CHECK(person.wait() == 4);
  CHECK(user.left_behind().empty());
}

TEST_CASE("an ordinary user joins containers of his own, leaves them and ends them") {
  const OrdinaryUser user;
  user.import_busybox();
  AtTerminal person(user.coracle({"run", "--net", "none", "-it", "--name", "box", "busybox", "sh"}));
  person.read_until("/ # ");
  person.type("\x10\x11");
  CHECK(person.wait() == 0);
  const Result inside = user.run({"exec", "box", "sh", "-c", "id -u; cat /proc/1/comm; grep CapEff /proc/1/status"});
  INFO(inside.err);
  CHECK(inside.out.substr(0, 5) == "0\nsh\n");
  CHECK(user.run({"exec", "-u", "www-data", "box", "id", "-un"}).out == "www-data\n");
  CHECK(user.run({"exec", "-t", "box", "tty"}).out == "/dev/pts/1\r\n");
  CHECK(user.run({"kill", "box"}).status == 0);
  CHECK(eventually([&] { return user.left_behind().empty(); }));
}

TEST_CASE("scripts/start runs without root where what it builds is there") {
  if (run({"sh", "-c", "command -v pasta && test -c /dev/net/tun"}).status != 0)
    SKIP_WITHOUT("pasta (package passt) or /dev/net/tun");
  const OrdinaryUser user;
  const std::string tree = user.home() + "/coracle";
  const std::string made = busybox_layer().substr(0, busybox_layer().rfind('/'));
  fs::create_directories(tree + "/build/rootfs");
  for (const char* name : {"scripts", "rootfs", "src", "lessons", "CMakeLists.txt"}) {
    REQUIRE(run({"cp", "-a", source(name), tree}).status == 0);
  }
  for (const char* name : {"busybox.tar.gz", ".busybox.stamp"}) {
    fs::copy_file(made + "/" + name, tree + "/build/rootfs/" + name);
  }
  fs::copy_file(test::coracle(), tree + "/build/coracle");
  std::ofstream(tree + "/build/.start");
  REQUIRE(run({"chown", "-R", fmt::format("{0}:{0}", OrdinaryUser::kUid), tree}).status == 0);
  const Result result = run(user.command({tree + "/scripts/start"}));
  INFO(result.out << result.err);
  CHECK(result.status == 0);
  CHECK(has(result.out, "host name  coracle"));
  CHECK(has(result.out, fmt::format("the ordinary user {} of the host", OrdinaryUser::kUid)));
  CHECK(has(result.err, "execve"));
  CHECK(user.left_behind().empty());
}
