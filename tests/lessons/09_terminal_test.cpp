// Lesson 9 from outside: a person at the lesson's terminal, and a second program in its container.
#include <csignal>
#include <fstream>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/at_terminal.hpp"
#include "support/support.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

std::vector<std::string> words(const std::vector<std::string>& options, const std::vector<std::string>& command) {
  std::vector<std::string> all = {lesson("09-terminal")};
  all.insert(all.end(), options.begin(), options.end());
  all.insert(all.end(), command.begin(), command.end());
  return all;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A shell at a terminal runs the command, and then reads a line of its own.
std::string shell_reading_after(const std::string& command) {
  return command + "; echo ended; read line; echo got: $line.";
}

bool takes_pushed_keys() {
  const std::string setting = "/proc/sys/dev/tty/legacy_tiocsti";
  return !kernel::exists(setting) || kernel::read_file(setting) != "0\n";
}

}  // namespace

TEST_CASE("lesson 9 gives a terminal that has our size and gives ours back") {
  AtTerminal person(words({"-t", busybox_rootfs()}, {"sh"}), 40, 120);
  const termios before = person.modes();
  person.read_until("/ # ");
  CHECK(person.is_raw());
  person.type("tty; stty size\r");
  CHECK(contains(person.read_until("/ # "), "/dev/pts/0\r\n40 120\r\n"));
  person.type("exit 3\r");
  CHECK(person.wait() == 3);
  CHECK(person.modes().c_lflag == before.c_lflag);
}

TEST_CASE("without -t the program has no terminal of its own") {
  CHECK(run(words({busybox_rootfs()}, {"sh", "-c", "tty; ls /dev/console"})).out == "not a tty\n");
}

TEST_CASE("keys that a program pushes reach our shell without a terminal of its own, and not with one") {
  if (!takes_pushed_keys()) SKIP_WITHOUT("dev.tty.legacy_tiocsti");
  const std::string volume = fmt::format(" -v {}:/push:ro {} /push pushed", lesson("push"), busybox_rootfs());
  AtTerminal open({"sh", "-c", shell_reading_after(lesson("08-confine") + volume)});
  open.read_until("got: pushed.");
  open.wait();
  AtTerminal closed({"sh", "-c", shell_reading_after(lesson("09-terminal") + " -t" + volume)});
  closed.read_until("ended");
  closed.type("typed\r");
  closed.read_until("got: typed.");
  closed.wait();
}

TEST_CASE("a program that joins has a terminal beside the first one's, the same namespaces and the same powers") {
  AtTerminal first(words({"-t", busybox_rootfs()}, {"sh", "-c", "echo ready; exec sleep 1000"}));
  first.read_until("ready");
  pid_t keeper = 0, inside = 0;
  std::ifstream(fmt::format("/proc/{0}/task/{0}/children", first.pid())) >> keeper;
  std::ifstream(fmt::format("/proc/{0}/task/{0}/children", keeper)) >> inside;
  REQUIRE(inside > 0);
  const std::string pid = std::to_string(inside);
  CHECK(run(words({"--join", pid, "-t"}, {"tty"})).out == "/dev/pts/1\r\n");
  CHECK(run(words({"--join", pid}, {"readlink", "/proc/self/ns/pid"})).out == namespace_of(inside, "pid") + "\n");
  const Result powers =
      run(words({"--join", pid},
                {"sh", "-c", "cd /proc; test \"$(grep Cap 1/status)\" = \"$(grep Cap self/status)\" && echo same"}));
  CHECK(powers.out == "same\n");
  ::kill(inside, SIGKILL);
  CHECK(first.wait() == 137);
}

TEST_CASE("the detach keys of lesson 9 leave its container running") {
  AtTerminal person(
      words({"-t", "--detach-keys", "ctrl-x", busybox_rootfs()}, {"sh", "-c", "echo ready; exec sleep 1000"}));
  person.read_until("ready");
  pid_t keeper = 0, inside = 0;
  std::ifstream(fmt::format("/proc/{0}/task/{0}/children", person.pid())) >> keeper;
  std::ifstream(fmt::format("/proc/{0}/task/{0}/children", keeper)) >> inside;
  person.type("\x18");
  CHECK(person.wait() == 0);
  CHECK(run(words({"--join", std::to_string(inside)}, {"true"})).status == 0);
  ::kill(inside, SIGKILL);
  CHECK(eventually([&] { return waitpid(keeper, nullptr, WNOHANG) == keeper; }));  // it clears up, and comes to us
}
