// Terminals without a container: ptys by descriptor, modes, the detach keys, the relay.
#include <csignal>
#include <filesystem>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/error.hpp"
#include "kernel/mount.hpp"
#include "kernel/pty.hpp"
#include "kernel/recorder.hpp"
#include "kernel/tty.hpp"
#include "kernel/unix_socket.hpp"
#include "launch/detach_keys.hpp"
#include "launch/relay.hpp"
#include "support/support.hpp"

using namespace coracle;
using namespace coracle::test;
using kernel::Fd;
using launch::DetachKeys;
using launch::Relay;

namespace {

// A devpts of the test's own.
class Devpts {
 public:
  Devpts() {
    kernel::mount("devpts", directory_.path(), "devpts", 0, "newinstance,ptmxmode=0666");
    fd = kernel::open(directory_.path(), O_PATH | O_DIRECTORY);
  }
  ~Devpts() { kernel::umount(directory_.path(), MNT_DETACH); }
  std::string path() const { return directory_.path(); }

  Fd fd;

 private:
  TemporaryDirectory directory_;
};

// A pty whose slave changes nothing on the way, as a full-screen program has it.
kernel::Pty raw_pty(const Devpts& devpts) {
  kernel::Pty pty = kernel::open_pty(devpts.fd);
  kernel::set_terminal_modes(pty.slave.get(), kernel::raw(kernel::terminal_modes(pty.slave.get())));
  return pty;
}

void nonblocking(const Fd& fd) { fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

std::string read_now(const Fd& fd) {
  char bytes[65536];
  const ssize_t count = ::read(fd.get(), bytes, sizeof bytes);
  return count > 0 ? std::string(bytes, static_cast<std::size_t>(count)) : std::string();
}

std::pair<Fd, Fd> make_pipe() {
  int ends[2];
  kernel::attempt([&] { return pipe2(ends, O_CLOEXEC); }, "pipe2");
  return {Fd(ends[0]), Fd(ends[1])};
}

// One round of the loop that a relay stands in.
void step(Relay& relay, int milliseconds = 1000) {
  auto waits = relay.waits();
  poll(waits.data(), waits.size(), milliseconds);
  relay.copy(waits);
}

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('!' + (i * 31 + i / 251) % 90);
  return bytes;
}

std::string passed(const std::string& keys, const std::vector<std::string>& typed) {
  DetachKeys detach(keys);
  std::string all;
  for (const std::string& bytes : typed) all += detach.pass(bytes);
  return all + (detach.complete() ? "|detached" : "");
}

}  // namespace

TEST_CASE("a pty is made in the devpts that was asked for, and its slave is a file there") {
  const Devpts devpts;
  const kernel::Pty first = kernel::open_pty(devpts.fd);
  const kernel::Pty second = kernel::open_pty(devpts.fd);
  CHECK(first.name == "/dev/pts/0");
  CHECK(second.name == "/dev/pts/1");
  struct stat slave {
  }, file{};
  REQUIRE(fstat(second.slave.get(), &slave) == 0);
  REQUIRE(stat((devpts.path() + "/1").c_str(), &file) == 0);
  CHECK((slave.st_ino == file.st_ino && slave.st_dev == file.st_dev));
  CHECK(kernel::is_devpts(devpts.fd));
  CHECK_FALSE(kernel::is_devpts(kernel::open("/", O_PATH)));
  CHECK((fcntl(first.slave.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a descriptor and a text go over a unix socket together, and the end is told") {
  auto [here, there] = kernel::socketpair();
  const Fd file = kernel::open("/etc/passwd", O_RDONLY);
  kernel::send_descriptor(here, file, "/dev/pts/7");
  const kernel::Message message = kernel::receive_message(there);
  CHECK(message.text == "/dev/pts/7");
  REQUIRE(message.descriptor);
  CHECK(kernel::read_all(message.descriptor) == kernel::read_file("/etc/passwd"));
  CHECK((fcntl(message.descriptor.get(), F_GETFD) & FD_CLOEXEC) != 0);
  here.close();
  CHECK(kernel::receive_message(there).text.empty());
  CHECK_THROWS_AS(kernel::send_descriptor(there, file, "x"), kernel::Error);
}

TEST_CASE("raw modes let every byte through, and what was before comes back") {
  const Devpts devpts;
  const kernel::Pty pty = kernel::open_pty(devpts.fd);
  const termios before = kernel::terminal_modes(pty.slave.get());
  kernel::set_terminal_modes(pty.slave.get(), kernel::raw(before));
  nonblocking(pty.slave);
  kernel::write_all(pty.master, "\x03\x04\r");
  CHECK(read_now(pty.slave) == "\x03\x04\r");
  kernel::restore_terminal_modes(pty.slave.get(), before);
  const termios after = kernel::terminal_modes(pty.slave.get());
  CHECK(after.c_lflag == before.c_lflag);
  CHECK(after.c_iflag == before.c_iflag);
  CHECK(after.c_oflag == before.c_oflag);
}

TEST_CASE("a size that is set on the master is the slave's, and what is no terminal has none") {
  const Devpts devpts;
  const kernel::Pty pty = kernel::open_pty(devpts.fd);
  kernel::set_window_size(pty.master, {31, 99});
  CHECK(kernel::window_size(pty.slave.get()).rows == 31);
  CHECK(kernel::window_size(pty.slave.get()).columns == 99);
  CHECK(kernel::window_size(kernel::open("/dev/null", O_RDWR).get()).rows == 0);
}

TEST_CASE("the detach keys are found wherever they are split, and everything else passes") {
  const std::string p = "\x10";
  const std::string q = "\x11";
  CHECK(passed("", {"ls\r" + p + q + "lost"}) == "ls\r|detached");
  CHECK(passed("", {"a" + p, q}) == "a|detached");
  CHECK(passed("", {p}).empty());
  CHECK(passed("", {p, "x"}) == p + "x");
  CHECK(passed("", {p + p + q}) == p + "|detached");
  CHECK(passed("", {q + p + "\x1b[A"}) == q + p + "\x1b[A");
  CHECK(passed("a,a,b", {"aaab"}) == "a|detached");
  CHECK(passed("a,b,a,c", {"abab", "ac"}) == "ab|detached");
  CHECK(passed("DEL", {"x\x7f"}) == "x|detached");
  CHECK(passed("ctrl-@,ctrl-_", {std::string("\0\x1f", 2)}) == "|detached");
  CHECK(passed("ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-z", {"\x1b\x1c\x1d\x1e\x1a"}) == "|detached");
}

TEST_CASE("detach keys that do not exist are refused, and named") {
  for (const std::string keys : {"ctrl-", "ctrl-P", "ctrl-ab", "ctrl-1", "ab", "a,", ",", "control-p", "ctrl-p q"}) {
    INFO(keys);
    try {
      const DetachKeys read(keys);
      FAIL_CHECK("it was taken");
    } catch (const kernel::Error& error) {
      CHECK(std::string(error.what()).find("\"" + keys + "\"") != std::string::npos);
    }
  }
}

TEST_CASE("a relay copies both ways, however slowly anybody reads, and loses nothing") {
  const Devpts devpts;
  const kernel::Pty person = raw_pty(devpts);
  kernel::Pty program = raw_pty(devpts);
  auto [from_relay, to_person] = make_pipe();
  nonblocking(from_relay);
  nonblocking(program.slave);
  nonblocking(person.master);
  Relay relay(person.slave.get(), to_person.get(), DetachKeys());
  const Fd slave = std::move(program.slave);
  relay.connect(std::move(program.master));

  const std::string text = pattern(1 << 20);
  std::string seen, typed;
  std::size_t written = 0, keyed = 0;
  for (int round = 0; seen.size() < text.size() || typed.size() < text.size(); ++round) {
    const auto push = [&](const Fd& fd, std::size_t& done) {
      const ssize_t count = ::write(fd.get(), text.data() + done, text.size() - done);
      if (count > 0) done += static_cast<std::size_t>(count);
    };
    push(slave, written);
    push(person.master, keyed);
    step(relay, 0);
    if (round % 3 != 0) continue;  // whoever reads does not read each time
    seen += read_now(from_relay);
    typed += read_now(slave);
    REQUIRE(seen.size() <= text.size());
  }
  CHECK(seen == text);
  CHECK(typed == text);
}

TEST_CASE("a relay whose reader does not read waits, without turning in circles and without blocking") {
  const Devpts devpts;
  kernel::Pty program = raw_pty(devpts);
  auto [from_relay, to_person] = make_pipe();
  nonblocking(program.slave);
  Relay relay(-1, to_person.get(), DetachKeys());
  const Fd slave = std::move(program.slave);
  relay.connect(std::move(program.master));
  const std::string text = pattern(1 << 16);
  for (int i = 0; i < 64; ++i) {
    (void)!::write(slave.get(), text.data(), text.size());
    step(relay, 0);
  }
  auto waits = relay.waits();
  CHECK(poll(waits.data(), waits.size(), 0) == 0);  // nothing to do until somebody reads
  CHECK_FALSE(read_now(from_relay).empty());
  CHECK(poll(waits.data(), waits.size(), 1000) == 1);
}

TEST_CASE("a relay shows what a program printed last, and says when the person is gone") {
  const Devpts devpts;
  kernel::Pty person = raw_pty(devpts);
  kernel::Pty program = raw_pty(devpts);
  auto [from_relay, to_person] = make_pipe();
  Relay relay(person.slave.get(), to_person.get(), DetachKeys());
  relay.connect(std::move(program.master));
  kernel::write_all(program.slave, "the last words");
  program.slave.close();
  while (relay.drain()) step(relay);
  CHECK(read_now(from_relay) == "the last words");

  kernel::Pty second = raw_pty(devpts);
  Relay other(person.slave.get(), to_person.get(), DetachKeys());
  other.connect(std::move(second.master));
  person.master.close();
  step(other);
  CHECK(other.hung_up());
}

TEST_CASE("a new controlling terminal belongs to a new session") {
  const Devpts devpts;
  const kernel::Pty pty = kernel::open_pty(devpts.fd);
  const pid_t pid = fork();
  if (pid == 0) {
    kernel::set_controlling_terminal(pty.slave);
    kernel::become_stdio(pty.slave);
    const bool own = getsid(0) == getpid() && tcgetsid(0) == getpid() && kernel::exists("/dev/tty") &&
                     ::open("/dev/tty", O_RDWR) >= 0;
    _exit(own ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  CHECK(status == 0);
}
