// coracle run -it from the person's side of the terminal, and from the kernel's.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <sys/wait.h>
#include <unistd.h>

#include "e2e/home.hpp"
#include "kernel/inode.hpp"
#include "support/at_terminal.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

constexpr const char* kPrompt = "/ # ";
constexpr const char* kDetach = "\x10\x11";  // ctrl-p ctrl-q

Words run_it(const Home& home, const Words& options, const Words& command) {
  Words words = {"run", "--rm", "--net", "none", "-it"};
  words.insert(words.end(), options.begin(), options.end());
  words.push_back("busybox");
  words.insert(words.end(), command.begin(), command.end());
  return home.command(words);
}

bool nothing_left(const Home& home) {
  const std::string containers = home.path() + "/containers";
  return !kernel::exists(containers) || kernel::list(kernel::open(containers, O_RDONLY | O_DIRECTORY)).empty();
}

bool same(const termios& a, const termios& b) {
  return a.c_iflag == b.c_iflag && a.c_oflag == b.c_oflag && a.c_lflag == b.c_lflag && a.c_cflag == b.c_cflag;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// The child of a command with a terminal: the process that stays with the container.
pid_t keeper_of(pid_t command) {
  pid_t keeper = 0;
  REQUIRE(eventually([&] {
    std::ifstream children("/proc/" + std::to_string(command) + "/task/" + std::to_string(command) + "/children");
    return static_cast<bool>(children >> keeper);
  }));
  return keeper;
}

bool has_ended(pid_t pid) { return waitpid(pid, nullptr, WNOHANG) == pid || ::kill(pid, 0) < 0; }

// Ends a container that was left behind, and waits until nothing of it is there.
void end(const Home& home, const std::string& name) {
  REQUIRE(home.run({"kill", name}).status == 0);
  CHECK(eventually([&] { return nothing_left(home); }));
}

}  // namespace

TEST_CASE("run -it gives a prompt, a terminal of the size of ours, and the program's exit status") {
  const BusyboxHome home;
  AtTerminal person(run_it(home, {}, {"sh"}), 31, 91);
  const termios before = person.modes();
  person.read_until(kPrompt);
  CHECK(person.is_raw());
  person.type("tty; stty size; echo $TERM; readlink /proc/$$/fd/0\r");
  const std::string answer = person.read_until(kPrompt);
  CHECK(contains(answer, "/dev/pts/0\r\n31 91\r\nxterm\r\n/dev/pts/0\r\n"));
  person.type("exit 42\r");
  CHECK(person.wait() == 42);
  CHECK(same(person.modes(), before));
  CHECK(nothing_left(home));
}

TEST_CASE("the window's size follows ours, and the program hears of it") {
  const BusyboxHome home;
  AtTerminal person(
      run_it(home, {"--name", "box"}, {"sh", "-c", "trap 'stty size' WINCH; echo ready; while :; do sleep 1; done"}));
  person.read_until("ready");
  person.resize(50, 132);
  person.read_until("50 132");
  person.type("\x1c");  // ctrl-\: SIGQUIT, which sh as process 1 does not hear; its sleep does
  person.resize(7, 8);
  person.read_until("7 8");
  CHECK(home.run({"kill", "box"}).status == 0);
  CHECK(person.wait() == 128 + SIGKILL);
}

TEST_CASE("keys reach the program: ctrl-c as SIGINT, ctrl-d as the end") {
  const BusyboxHome home;
  AtTerminal person(run_it(home, {}, {"sh"}));
  person.read_until(kPrompt);
  person.type("trap 'echo interrupted' INT; sh -c 'echo sleep''ing; exec sleep 1000'\r");
  person.read_until("sleeping\r\n");
  person.type("\x03");
  person.read_until("interrupted");
  person.read_until(kPrompt);
  person.type("sh -c 'echo read''ing; exec cat >/dev/null'; echo and the end: $?\r");
  person.read_until("reading\r\n");
  person.type("x\r\x04");
  person.read_until("and the end: 0");
  person.read_until(kPrompt);
  person.type("\x04");
  person.wait();
}

TEST_CASE("with --init a key is one signal, not two") {
  const BusyboxHome home;
  // The trap runs once for each SIGINT that came, and each is waited for: USR1 comes behind them.
  AtTerminal person(run_it(home, {"--init", "--name", "init"},
                           {"sh", "-c",
                            "trap 'echo int' INT; trap 'echo enough; exit 0' USR1; echo ready; "
                            "while :; do read key; done"}));
  person.read_until("ready");
  person.type("\x03");
  person.read_until("int");
  REQUIRE(home.run({"kill", "-s", "USR1", "init"}).status == 0);
  const std::string rest = person.read_until("enough");
  CHECK_FALSE(contains(rest, "int\r\n"));
  CHECK(person.wait() == 0);
}

TEST_CASE("a program that closes its terminal and opens it again is heard again") {
  const BusyboxHome home;
  AtTerminal person(run_it(
      home, {}, {"sh", "-c", "exec </dev/null >/dev/null 2>&1; usleep 50000; echo again >/dev/console; exit 6"}));
  person.read_until("again");
  CHECK(person.wait() == 6);
}

TEST_CASE("a program that is killed, and one that is not there, leave our terminal as it was") {
  const BusyboxHome home;
  AtTerminal killed(run_it(home, {"--init"}, {"sh", "-c", "kill -KILL $$"}));
  const termios before = killed.modes();
  CHECK(killed.wait() == 137);
  CHECK(same(killed.modes(), before));
  AtTerminal missing(run_it(home, {}, {"no-such-program"}));
  CHECK(missing.wait() == 127);
  CHECK(same(missing.modes(), before));
  CHECK(contains(missing.screen(), "no-such-program"));
  CHECK(missing.screen().ends_with("\r\n"));  // our terminal itself turned the line's end into this again
  CHECK(nothing_left(home));
}

TEST_CASE("whichever of the two processes is killed, our terminal comes back and the container ends") {
  const BusyboxHome home;
  {
    AtTerminal person(run_it(home, {}, {"sh"}));
    const termios before = person.modes();
    person.read_until(kPrompt);
    const pid_t keeper = keeper_of(person.pid());
    kill(person.pid(), SIGKILL);
    CHECK(person.wait() == 137);
    CHECK(eventually([&] { return same(person.modes(), before); }));
    CHECK(eventually([&] { return has_ended(keeper); }));
    CHECK(nothing_left(home));
  }
  {
    AtTerminal person(run_it(home, {}, {"sh"}));
    const termios before = person.modes();
    person.read_until(kPrompt);
    kill(keeper_of(person.pid()), SIGKILL);
    CHECK(person.wait() == 137);
    CHECK(same(person.modes(), before));
    CHECK(home.run({"images"}).status == 0);
    CHECK(home.run({"run", "--rm", "--net", "none", "busybox", "true"}).status == 0);  // clears up
    CHECK(nothing_left(home));
  }
}

TEST_CASE("a terminal that is closed ends the container, as it ends a shell") {
  const BusyboxHome home;
  AtTerminal person(run_it(home, {}, {"sh", "-c", "echo ready; exec sleep 1000"}));
  person.read_until("ready");
  const pid_t keeper = keeper_of(person.pid());
  person.hang_up();
  person.wait();
  CHECK(eventually([&] { return has_ended(keeper); }));
  CHECK(nothing_left(home));
}

TEST_CASE("a signal that is sent to the command reaches the program") {
  const BusyboxHome home;
  AtTerminal person(
      run_it(home, {}, {"sh", "-c", "trap 'echo got it; exit 3' TERM; echo ready; while :; do sleep 1; done"}));
  person.read_until("ready");
  kill(person.pid(), SIGTERM);
  person.read_until("got it");
  CHECK(person.wait() == 3);
}

TEST_CASE("the detach keys leave the container running, and it ends and is cleared away later") {
  const BusyboxHome home;
  AtTerminal person(run_it(home, {"--name", "left"}, {"sh"}));
  const termios before = person.modes();
  person.read_until(kPrompt);
  person.type("X=kept\r");
  person.read_until(kPrompt);
  const pid_t keeper = keeper_of(person.pid());
  const std::string screen = person.screen();
  person.type("\x10");
  person.type("\x11");  // apart from each other
  CHECK(person.wait() == 0);
  CHECK(person.screen() == screen);
  CHECK(same(person.modes(), before));
  CHECK_FALSE(has_ended(keeper));
  const Result inside = home.run({"exec", "left", "sh", "-c", "tr '\\0' ' ' </proc/1/cmdline; readlink /proc/1/fd/0"});
  CHECK(inside.out == "sh /dev/pts/0\n");
  for (const std::string fd : {"0", "1", "2"}) {
    std::error_code none;
    CHECK(std::filesystem::read_symlink("/proc/" + std::to_string(keeper) + "/fd/" + fd, none) == "/dev/null");
  }
  end(home, "left");
  CHECK(eventually([&] { return has_ended(keeper); }));
}

TEST_CASE("a container that was left goes on however much it prints") {
  const BusyboxHome home;
  AtTerminal person(run_it(home, {"--name", "loud"},
                           {"sh", "-c", "echo ready; read go; head -c 3000000 /dev/zero; touch /printed; sleep 1000"}));
  person.read_until("ready");
  person.type(std::string("go\r") + kDetach);
  CHECK(person.wait() == 0);
  CHECK(eventually([&] { return home.run({"exec", "loud", "ls", "/printed"}).status == 0; }));
  end(home, "loud");
}

TEST_CASE("other detach keys can be chosen, and the beginning of them is no key") {
  const BusyboxHome home;
  AtTerminal person(run_it(home, {"--name", "other", "--detach-keys", "ctrl-a,d"}, {"sh"}));
  person.read_until(kPrompt);
  person.type("stty raw -echo; echo re''ady; dd bs=1 count=4 2>/dev/null | od -An -tx1; stty sane\r");
  person.read_until("ready");
  person.type("\x01");
  person.type("\x10\x11x");
  CHECK(contains(person.read_until(kPrompt), "01 10 11 78"));
  person.type(
      "\x01"
      "d");
  CHECK(person.wait() == 0);
  end(home, "other");
  const Result bad = home.run({"run", "--rm", "-t", "--detach-keys", "ctrl-1", "busybox", "true"});
  CHECK(bad.status == 125);
  CHECK(contains(bad.err, "\"ctrl-1\""));
}

TEST_CASE("ten megabytes come through the terminal whole") {
  const BusyboxHome home;
  const std::string file = home.path() + "/out";
  std::string text(10 << 20, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(' ' + (i * 7 + i / 991) % 90);
  kernel::create_file(home.path() + "/in", text);
  const kernel::Fd out = kernel::open(file, O_WRONLY | O_CREAT, 0600);
  AtTerminal person(run_it(home, {"-v", home.path() + "/in:/in:ro"}, {"sh", "-c", "stty -opost; cat /in"}), 24, 80,
                    out.get());
  CHECK(person.wait() == 0);
  CHECK(kernel::read_file(file, 16 << 20) == text);
}

TEST_CASE("keys in their thousands come through the terminal whole") {
  const BusyboxHome home;
  AtTerminal person(run_it(home, {}, {"sh", "-c", "stty raw -echo; echo ready; head -c 300000 | md5sum"}));
  person.read_until("ready");
  std::string text(300000, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 991) % 26);
  kernel::create_file(home.path() + "/keys", text);
  person.type(text);
  const std::string sum = run({"md5sum", home.path() + "/keys"}).out.substr(0, 32);
  person.read_until(sum);
  CHECK(person.wait() == 0);
}

TEST_CASE("-i with -t needs a terminal, -t alone does not") {
  const BusyboxHome home;
  const Result refused = home.run({"run", "--rm", "-it", "busybox", "true"});
  CHECK(refused.status == 1);
  CHECK(refused.err == "coracle: the input device is not a TTY\n");
  const Result alone =
      home.run({"run", "--rm", "--net", "none", "-t", "busybox", "sh", "-c", "tty; tty >&2; exit 4"}, "unread");
  CHECK(alone.out == "/dev/pts/0\r\n/dev/pts/0\r\n");
  CHECK(alone.err.empty());
  CHECK(alone.status == 4);
}

TEST_CASE("a user who is not root owns the terminal") {
  const BusyboxHome home;
  const Result result =
      home.run({"run", "--rm", "--net", "none", "-t", "-u", "www-data", "busybox", "sh", "-c",
                "stat -c %U /dev/pts/0 /dev/console; echo written >/dev/tty; echo again >/dev/stdout"});
  CHECK(result.out == "www-data\r\nwww-data\r\nwritten\r\nagain\r\n");
}

TEST_CASE("the program is the leader of a session, whose terminal is its own pty") {
  const BusyboxHome home;
  AtTerminal person(run_it(home, {"--name", "session"}, {"sleep", "1000"}));
  pid_t inside = 0;
  REQUIRE(eventually([&] {
    std::ifstream children("/proc/" + std::to_string(keeper_of(person.pid())) + "/task/" +
                           std::to_string(keeper_of(person.pid())) + "/children");
    return static_cast<bool>(children >> inside);
  }));
  REQUIRE(home.run({"exec", "session", "true"}).status == 0);  // which waits until it runs
  std::ifstream stat("/proc/" + std::to_string(inside) + "/stat");
  std::string line;
  std::getline(stat, line);
  std::istringstream fields(line.substr(line.rfind(')') + 2));
  std::string state;
  int parent = 0, group = 0, session = 0, terminal = 0, foreground = 0;
  fields >> state >> parent >> group >> session >> terminal >> foreground;
  CHECK(group == inside);
  CHECK(session == inside);
  CHECK(foreground == inside);
  CHECK(terminal >> 8 == 136);  // a pty's slave (proc_pid_stat(5), tty_nr)
  end(home, "session");
  CHECK(person.wait() == 137);
}
