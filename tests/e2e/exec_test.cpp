// coracle exec: who the new process is, where it is, and how it ends.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <sys/wait.h>
#include <unistd.h>

#include "e2e/home.hpp"
#include "support/at_terminal.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

// A home with a running container, "box".
class RunningBox : public BusyboxHome {
 public:
  explicit RunningBox(const Words& options = {}, const std::string& script = "") {
    Words words = {"run", "--rm", "--net", "none", "--name", "box"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"busybox", "sh", "-c", script + "echo ready; exec sleep 1000"});
    running_ = std::make_unique<Running>(command(words));
    running_->read_until("ready\n");
    first_ = running_->child();
  }
  ~RunningBox() { end(); }

  pid_t first() const { return first_; }
  void end() {
    if (!running_) return;
    ::kill(first(), SIGKILL);
    running_->wait();
    running_.reset();
  }

  Result exec(Words options, const Words& command, const std::string& input = {}) const {
    options.insert(options.begin(), "exec");
    options.push_back("box");
    options.insert(options.end(), command.begin(), command.end());
    return run(options, input);
  }
  std::string output(const Words& options, const Words& command) const {
    const Result result = exec(options, command);
    INFO(result.err);
    CHECK(result.status == 0);
    return result.out;
  }

 private:
  std::unique_ptr<Running> running_;
  pid_t first_ = 0;
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

pid_t child_of(pid_t pid) {
  pid_t child = 0;
  std::ifstream children("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
  REQUIRE(children >> child);
  return child;
}

}  // namespace

TEST_CASE("exec is in every namespace of the container, in its root, and a child of nobody there") {
  const RunningBox box;
  const std::string kinds = "mnt pid uts ipc cgroup net time user";
  const std::string inside = box.output({}, {"sh", "-c", "for k in " + kinds + "; do readlink /proc/self/ns/$k; done"});
  const std::string first = box.output({}, {"sh", "-c", "for k in " + kinds + "; do readlink /proc/1/ns/$k; done"});
  CHECK(inside == first);
  CHECK(contains(inside, namespace_of(box.first(), "mnt")));
  CHECK(box.output({}, {"sh", "-c", "echo made >/made; cut -d' ' -f4 /proc/self/stat"}) == "0\n");
  CHECK(kernel::read_file("/proc/" + std::to_string(box.first()) + "/root/made") == "made\n");
}

TEST_CASE("exec has the powers, the filters and the limits of the first process") {
  const RunningBox box;
  const auto of = [&](const std::string& pid) {
    const std::string proc = "/proc/" + pid + "/";
    return box.output({}, {"sh", "-c",
                           "grep -E '^(Cap|NoNewPrivs|Seccomp)' " + proc + "status; cat " + proc + "limits " + proc +
                               "oom_score_adj"});
  };
  CHECK(of("self") == of("1"));
}

TEST_CASE("exec is in the cgroups of the first process, and so within its limits") {
  for (const Words& options : {Words{}, Words{"--memory", "64m", "--pids-limit", "50"}}) {
    const RunningBox box(options);
    const auto cgroups_of = [](pid_t pid) { return kernel::read_file("/proc/" + std::to_string(pid) + "/cgroup"); };
    AtTerminal program(box.command({"exec", "-i", "box", "sh", "-c", "echo ready; exec sleep 1000"}));
    program.read_until("ready");
    CHECK(cgroups_of(child_of(program.pid())) == cgroups_of(box.first()));
    CHECK(cgroups_of(program.pid()) != cgroups_of(box.first()));  // whoever waits for it is no part of the container
    kill(child_of(program.pid()), SIGKILL);
    CHECK(program.wait() == 137);
  }
}

TEST_CASE("exec --privileged has all capabilities, and still none that is inheritable") {
  const RunningBox box;
  const std::string script = "grep -E '^Cap' /proc/self/status";
  const std::string more = box.output({"--privileged"}, {"sh", "-c", script});
  CHECK(contains(more, "CapInh:\t0000000000000000"));
  const std::string own = kernel::read_file("/proc/self/status");
  const std::size_t bounding = own.find("CapBnd:");
  CHECK(contains(more, own.substr(bounding, own.find('\n', bounding) - bounding)));
  CHECK(box.output({}, {"sh", "-c", script}) != more);
}

TEST_CASE("exec has the container's variables, directory and user, and may have its own") {
  const RunningBox box({"-e", "A=container", "-e", "B=container", "-w", "/var", "-u", "www-data", "-h", "web"});
  CHECK(box.output({}, {"sh", "-c", "echo $A $B $HOSTNAME; pwd; id -un"}) ==
        "container container web\n/var\nwww-data\n");
  CHECK(box.output({"-e", "A=exec", "-w", "/etc", "-u", "0"}, {"sh", "-c", "echo $A $B; pwd; id -u"}) ==
        "exec container\n/etc\n0\n");
  CHECK(box.output({"--user", "7:9"}, {"sh", "-c", "id -u; id -g"}) == "7\n9\n");
  CHECK_FALSE(contains(box.output({}, {"env"}), "TERM="));
  CHECK(box.exec({"-u", "nobody-here"}, {"true"}).status == 125);
}

TEST_CASE("exec's status is its program's, 126 and 127 as the shell has them") {
  const RunningBox box;
  CHECK(box.exec({}, {"sh", "-c", "exit 42"}).status == 42);
  CHECK(box.exec({}, {"sh", "-c", "kill -TERM $$"}).status == 143);
  CHECK(box.exec({}, {"no-such-program"}).status == 127);
  CHECK(box.exec({}, {"/etc/passwd"}).status == 126);
  CHECK(box.exec({}, {"/etc"}).status == 126);
}

TEST_CASE("exec passes stdin on with -i and signals always") {
  const RunningBox box;
  CHECK(box.exec({"-i"}, {"cat"}, "text").out == "text");
  CHECK(box.exec({}, {"cat"}, "text").out.empty());
  Running listening(box.command(
      {"exec", "box", "sh", "-c", "trap 'echo got it; exit 3' USR1; echo ready; while :; do sleep 1; done"}));
  listening.read_until("ready\n");
  listening.signal(SIGUSR1);
  CHECK(listening.wait().status == 3);
}

TEST_CASE("exec -it is a second terminal of the same container") {
  const RunningBox box;
  AtTerminal person(box.command({"exec", "-it", "box", "sh"}), 33, 77);
  const termios before = person.modes();
  person.read_until("/ # ");
  person.type("tty; stty size; echo $TERM; ls /dev/pts\r");
  CHECK(contains(person.read_until("/ # "), "/dev/pts/0\r\n33 77\r\nxterm\r\n0     ptmx\r\n"));
  person.resize(20, 60);
  person.type("sleep 0; stty size\r");
  person.read_until("20 60");
  person.type("exit 5\r");
  CHECK(person.wait() == 5);
  CHECK(person.modes().c_lflag == before.c_lflag);
}

TEST_CASE("the detach keys leave a program of exec running") {
  const RunningBox box;
  AtTerminal person(box.command({"exec", "-it", "box", "sh", "-c", "echo ready; exec sleep 999"}));
  person.read_until("ready");
  person.type("\x10\x11");
  CHECK(person.wait() == 0);
  CHECK(contains(box.output({}, {"ps"}), "sleep 999"));
}

TEST_CASE("a killed exec takes its program along, and the container goes on") {
  const RunningBox box;
  for (const bool terminal : {false, true}) {
    AtTerminal person(box.command({"exec", terminal ? "-it" : "-i", "box", "sh", "-c", "echo ready; exec sleep 999"}));
    person.read_until("ready");
    const pid_t orphan = child_of(person.pid());  // the program, or the keeper, whose child it is
    kill(person.pid(), SIGKILL);
    CHECK(person.wait() == 137);
    CHECK(eventually([&] { return waitpid(orphan, nullptr, WNOHANG) == orphan; }));  // orphans come to us
    CHECK_FALSE(contains(box.output({}, {"ps"}), "sleep 999"));
  }
}

TEST_CASE("a program of exec sees descriptors 0 to 2 and nothing of ours") {
  const RunningBox box;
  // 3 is the directory that ls itself reads.
  CHECK(box.output({}, {"sh", "-c", "ls /proc/self/fd"}) == "0\n1\n2\n3\n");
  CHECK(box.output({}, {"readlink", "/proc/self/exe"}) == "/bin/busybox\n");
  CHECK(box.output({}, {"sh", "-c", "tr '\\0' '\\n' </proc/self/environ"}).find("CORACLE") == std::string::npos);
}

TEST_CASE("a working directory that is a way out is refused") {
  const RunningBox box;
  for (int fd = 3; fd < 12; ++fd) {
    const Result result =
        box.exec({"-w", "/proc/self/fd/" + std::to_string(fd)}, {"sh", "-c", "cat ../../../etc/hostname"});
    CHECK(result.status != 0);
    CHECK(result.out.empty());
  }
  CHECK(box.exec({"-w", "relative"}, {"true"}).status == 125);
  const Result missing = box.exec({"-w", "/not/there"}, {"true"});
  CHECK(missing.status == 127);
  CHECK(contains(missing.err, "/not/there"));
}

TEST_CASE("a container is found by its name, its id, and what its id begins with") {
  const RunningBox box;
  const std::string id = box.output({}, {"hostname"}).substr(0, 12);
  for (const std::string& word : {id, id.substr(0, 11), id.substr(0, 6)}) {
    CHECK(box.run({"exec", word, "true"}).status == 0);
  }
  const Result none = box.run({"exec", "nobody", "true"});
  CHECK(none.status == 125);
  CHECK(none.err == "coracle: find the container \"nobody\": there is none with this name or id\n");
  // Enough others that two ids begin with the same digit.
  std::vector<std::unique_ptr<Running>> others;
  for (int i = 0; i < 16; ++i) {
    others.push_back(std::make_unique<Running>(
        box.command({"run", "--rm", "--net", "none", "busybox", "sh", "-c", "hostname; exec sleep 1000"})));
  }
  std::map<char, int> first_digits = {{id[0], 1}};
  for (const auto& other : others) ++first_digits[other->read_until("\n")[0]];
  const auto twice = std::find_if(first_digits.begin(), first_digits.end(), [](const auto& d) { return d.second > 1; });
  REQUIRE(twice != first_digits.end());
  const Result several = box.run({"exec", std::string(1, twice->first), "true"});
  CHECK(several.status == 125);
  CHECK(contains(several.err, std::to_string(twice->second) + " ids begin with this"));
  for (const auto& other : others) {
    ::kill(other->child(), SIGKILL);
    other->wait();
  }
}

TEST_CASE("the link with a container's name is there as long as the name is taken, and leads nobody astray") {
  RunningBox box;
  const std::string link = box.path() + "/names/box";
  const std::string id = box.output({}, {"hostname"}).substr(0, 12);
  CHECK(std::filesystem::read_symlink(link) == id);
  CHECK(box.run({"run", "--rm", "--net", "none", "--name", "box", "busybox", "true"}).status == 125);
  CHECK(std::filesystem::is_symlink(link));
  // What a killed command leaves does not hide another container, nor stand in the way of its name.
  std::filesystem::remove(link);
  CHECK(box.output({}, {"hostname"}).substr(0, 12) == id);
  for (const char* name : {"box", "next"})
    std::filesystem::create_symlink("0123456789ab", box.path() + "/names/" + name);
  CHECK(box.output({}, {"hostname"}).substr(0, 12) == id);
  CHECK(box.run({"run", "--rm", "--net", "none", "--name", "next", "busybox", "true"}).status == 0);
  CHECK(!std::filesystem::is_symlink(box.path() + "/names/next"));
  CHECK(box.run({"exec", "../containers/" + id, "true"}).status == 125);
  box.end();
  CHECK(!std::filesystem::is_symlink(link));
}

TEST_CASE("exec into a container that has ended says so") {
  RunningBox box;
  Running late(box.command({"exec", "-i", "box", "sh", "-c", "echo ready; cat"}));
  late.read_until("ready\n");
  box.end();
  CHECK(late.wait().status == 137);  // its pid namespace took it along
  const Result result = box.exec({}, {"true"});
  CHECK(result.status == 125);
  CHECK(contains(result.err, "none with this name"));
}

TEST_CASE("exec while the container ends either runs whole or says that it ended") {
  for (int round = 0; round < 20; ++round) {
    RunningBox box;
    Running racing(box.command({"exec", "box", "echo", "whole"}));
    if (round % 2 == 0) usleep(static_cast<useconds_t>(round * 200));
    ::kill(box.first(), SIGKILL);
    const Result result = racing.wait();
    INFO(result.status << " " << result.err);
    const bool ran = result.status == 0 && result.out == "whole\n";
    const bool told =
        result.status == 125 && (contains(result.err, "just have ended") || contains(result.err, "just ended") ||
                                 contains(result.err, "is not running") || contains(result.err, "none with this name"));
    CHECK((ran || told || result.status == 137));
  }
}

TEST_CASE("exec -d comes back when its program runs, and the program goes on without us") {
  const RunningBox box;
  const Result begun =
      box.exec({"-d"}, {"sh", "-c", "cat; echo unheard; echo unheard >&2; touch /begun; exec sleep 999"});
  CHECK(begun.status == 0);
  CHECK((begun.out + begun.err).empty());
  CHECK(eventually([&] { return kernel::exists("/proc/" + std::to_string(box.first()) + "/root/begun"); }));
  CHECK(contains(box.output({}, {"ps"}), "sleep 999"));
  const Result missing = box.exec({"-d"}, {"no-such-program"});
  CHECK(missing.status == 127);
  CHECK(contains(missing.err, "no-such-program"));
  CHECK(contains(box.exec({"-dt"}, {"true"}).err, "nobody would sit at the terminal"));
}

TEST_CASE("kill sends any signal, and says what is none") {
  const RunningBox box({}, "trap 'touch /heard' USR1; (sh -c 'echo ready'); while :; do usleep 10000; done; ");
  CHECK(box.run({"kill", "-s", "SIGUSR1", "box"}).out == "box\n");
  CHECK(eventually([&] { return kernel::exists("/proc/" + std::to_string(box.first()) + "/root/heard"); }));
  CHECK(contains(box.run({"kill", "--signal", "NOSUCH", "box"}).err, "\"NOSUCH\""));
  CHECK(box.run({"kill", "nobody"}).status == 1);
  CHECK(box.run({"kill"}).status == 125);
}
