#include "support/support.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "support/session.hpp"

namespace coracle::test {
namespace {

using Clock = std::chrono::steady_clock;

std::string environment(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

struct Pipe {
  kernel::Fd read, write;
};

Pipe make_pipe() {
  int ends[2];
  kernel::attempt([&] { return pipe2(ends, O_CLOEXEC); }, "pipe2");
  return {kernel::Fd(ends[0]), kernel::Fd(ends[1])};
}

// The child's side: the three ends become 0, 1 and 2, and the program is executed with nothing of ours but these.
[[noreturn]] void become(const std::vector<std::string>& command, int in, int out, int err) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  kernel::default_signal_actions();
  dup2(in, 0);
  dup2(out, 1);
  dup2(err, 2);
  execvp(arguments[0], arguments.data());
  dprintf(2, "the test cannot run %s: %s\n", arguments[0], strerror(errno));
  _exit(127);
}

// Appends what can be read without waiting; closes `fd` at its end.
void drain(kernel::Fd& fd, std::string& text) {
  char buffer[16384];
  while (fd) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
    if (count == 0) fd.close();
    if (count < 0 && errno != EINTR) return;
  }
}

int until(Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
  return static_cast<int>(std::clamp<long>(left, 0, 1000));
}

std::vector<std::string>& skips() {
  static std::vector<std::string> features;
  return features;
}

}  // namespace

void skip(const std::string& feature) { skips().push_back(feature); }
std::vector<std::string> take_skips() { return std::exchange(skips(), {}); }

std::string build(const std::string& path) { return environment("CORACLE_TEST_BUILD", CORACLE_BUILD) + "/" + path; }
std::string lesson(const std::string& name) { return build("lessons/" + name); }
std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const kernel::Error& error) {
    return error.what();
  }
  return "";
}

std::string coracle() { return build("coracle"); }
std::string source(const std::string& path) { return environment("CORACLE_TEST_SOURCE", CORACLE_SOURCE) + "/" + path; }

std::string busybox_layer() {
  static const std::string layer = [] {
    const std::string directory = build("rootfs");
    std::filesystem::create_directories(directory);
    const kernel::Fd lock = kernel::open(directory + "/.lock", O_RDWR | O_CREAT, 0644);
    kernel::lock(lock, LOCK_EX);  // test programs run side by side
    const std::string recipe = source("rootfs/busybox");
    if (std::filesystem::exists(recipe)) {
      const Result made = run({"nsenter", "--net=" + host_network(), recipe, directory}, {}, std::chrono::seconds(120));
      INFO(made.out << made.err);
      REQUIRE(made.status == 0);
    }
    return directory + "/busybox.tar.gz";
  }();
  return layer;
}

std::string busybox_rootfs() {
  static const std::string rootfs = [] {
    const std::string directory = scratch() + "/busybox";
    const std::string layer = busybox_layer();
    std::filesystem::create_directories(directory);
    const Result unpacked = run({"tar", "-xzpf", layer, "-C", directory});
    INFO(unpacked.err);
    REQUIRE(unpacked.status == 0);
    return directory;
  }();
  return rootfs;
}

Result run(const std::vector<std::string>& command, const std::string& input, std::chrono::seconds limit) {
  Running program(command);
  if (!input.empty()) program.write(input);
  program.close_input();
  return program.wait(limit);
}

Running::Running(const std::vector<std::string>& command) {
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  Pipe begun = make_pipe();  // its write end closes when the program is executed
  pid_ = kernel::attempt([] { return fork(); }, "fork");
  if (pid_ == 0) become(command, in.read.get(), out.write.get(), err.write.get());
  begun.write.close();
  char nothing = 0;
  while (read(begun.read.get(), &nothing, 1) < 0 && errno == EINTR) {  // until then our own signal handlers are its
  }
  pidfd_ = kernel::pidfd_open(pid_);
  in_ = std::move(in.write);
  out_ = std::move(out.read);
  err_ = std::move(err.read);
  for (const kernel::Fd* fd : {&in_, &out_, &err_}) fcntl(fd->get(), F_SETFL, O_NONBLOCK);
}

Running::~Running() {
  if (!pidfd_) return;
  kernel::send_signal(pidfd_, SIGKILL);
  kernel::wait(pidfd_);
}

void Running::signal(int number) { kernel::send_signal(pidfd_, number); }

void Running::close_input() { in_.close(); }

// Reads while it writes, so that a program which answers before it has read everything does not stop us.
void Running::write(const std::string& text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(in_.get(), text.data() + written, text.size() - written);
    if (count > 0) written += static_cast<std::size_t>(count);
    if (count < 0 && errno == EPIPE) return;  // the program did not want it all
    if (count < 0) listen(1000, in_.get());
  }
}

// Waits until there is something to read, the program ends, or `writable` can be written.
void Running::listen(int milliseconds, int writable) {
  pollfd waited[] = {
      {out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}, {pidfd_.get(), POLLIN, 0}, {writable, POLLOUT, 0}};
  poll(waited, std::size(waited), milliseconds);
  ended_ = (waited[2].revents & POLLIN) != 0;
  drain(out_, seen_);
  drain(err_, seen_err_);
}

std::string Running::read_until(const std::string& text, std::chrono::seconds limit) {
  const auto end = Clock::now() + limit;
  while (true) {
    const std::size_t found = seen_.find(text, given_);
    if (found != std::string::npos) {
      const std::size_t begin = std::exchange(given_, found + text.size());
      return seen_.substr(begin, given_ - begin);
    }
    INFO("stdout: " << seen_ << "\nstderr: " << seen_err_);
    if (ended_) FAIL("the program ended before it printed \"" << text << "\"");
    if (Clock::now() >= end) FAIL("the program did not print \"" << text << "\" within " << limit.count() << " s");
    listen(until(end));
  }
}

Result Running::wait(std::chrono::seconds limit) {
  const auto end = Clock::now() + limit;
  while (!ended_ && Clock::now() < end) listen(until(end));
  const bool late = !ended_;
  if (late) kernel::send_signal(pidfd_, SIGKILL);
  Result result;
  result.status = kernel::wait(pidfd_).status();
  pidfd_.close();
  listen(0);  // what it wrote before its end; children of its that hold the pipe are not waited for
  ended_ = true;
  result.out = seen_;
  result.err = seen_err_;
  INFO("stdout: " << seen_ << "\nstderr: " << seen_err_);
  if (late) FAIL("the program did not end within " << limit.count() << " s");
  return result;
}

pid_t Running::child(std::chrono::seconds limit) {
  pid_t found = 0;
  const bool there = eventually(
      [&] {
        std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", pid_));
        return static_cast<bool>(children >> found);
      },
      limit);
  if (!there) FAIL("process " << pid_ << " has no child");
  return found;
}

bool eventually(const std::function<bool()>& condition, std::chrono::seconds limit) {
  const auto end = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() >= end) return false;
    usleep(2000);
  }
  return true;
}

TemporaryDirectory::TemporaryDirectory() : path_(scratch() + "/XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) FAIL("mkdtemp " << path_ << ": " << strerror(errno));
}

TemporaryDirectory::~TemporaryDirectory() {
  try {
    kernel::remove_tree(path_);
  } catch (const std::exception& error) {  // something is mounted in it: the leak check will say what
    fmt::print(stderr, "{}\n", error.what());
  }
}

std::string namespace_of(pid_t pid, const std::string& name) {
  std::error_code missing;
  return std::filesystem::read_symlink(fmt::format("/proc/{}/ns/{}", pid, name), missing).string();
}

}  // namespace coracle::test
