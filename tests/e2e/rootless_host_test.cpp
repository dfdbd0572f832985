// An ordinary user's containers and the host: what is kept where, what nobody gets at, and whose the limits are.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include <fmt/format.h>

#include "e2e/rootless.hpp"
#include "kernel/fd.hpp"

using namespace coracle;
using namespace coracle::test;
namespace fs = std::filesystem;

namespace {

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
  Words words = user.coracle({"run", "--rm", "--net", "none", "busybox", "true"});
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

TEST_CASE("on the host's network an ordinary user's container cannot write to /sys nor to the cgroups in it") {
  const OrdinaryUser user;
  user.import_busybox();
  const Result result = user.run({"run", "--rm", "--net", "host", "busybox", "sh", "-c",
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

TEST_CASE("a directory for the state of containers that everybody can write to is not used") {
  const OrdinaryUser user;
  user.import_busybox();
  fs::create_directories(user.run_root());
  fs::permissions(user.run_root(), fs::perms(0777));
  const Result result = in_busybox(user, {}, {"true"});
  CHECK(result.status == 125);
  CHECK(has(result.err, user.run_root()));
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
      group.run(user.coracle({"run", "--rm", "--net", "none", "--pids-limit", "5", "busybox", "sh", "-c",
                              "cat /proc/self/cgroup; for i in 1 2 3 4 5 6; do sleep 1 & done; true"}));
  INFO(result.out << result.err);
  CHECK(!has(result.err, "warning"));
  CHECK(has(result.err, "can't fork"));
  CHECK(group.empty());
}
