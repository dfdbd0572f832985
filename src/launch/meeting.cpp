#include "launch/meeting.hpp"

#include <algorithm>
#include <cstring>

#include <sys/socket.h>
#include <unistd.h>

#include "kernel/recorder.hpp"
#include "kernel/unix_socket.hpp"

namespace coracle::launch {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr const char* kGate = "gate";

// What fail() wrote: the status, the errno, the attempt, a NUL, the hint.
Error read_failure(const std::string& text) {
  if (text.size() < 5) return Error("start the program", 0, "its process ended in the middle of a message");
  int code = 0;
  std::memcpy(&code, text.data() + 1, sizeof code);
  const std::size_t end = std::min(text.find('\0', 5), text.size());
  const std::string hint = end < text.size() ? text.substr(end + 1) : "";
  return Error(text.substr(5, end - 5), code, hint).with_status(static_cast<unsigned char>(text[0]));
}

// What the stage wrote. The file was there and a regular one when it was looked for.
Error read_refusal(const std::string& text) {
  int code = 0;
  if (text.size() >= sizeof code) std::memcpy(&code, text.data(), sizeof code);
  Error error("execve " + text.substr(std::min(sizeof code, text.size())), code);
  error.with_status(code == ENOENT || code == ENOTDIR ? 127 : 126);
  if (code == ENOENT) {
    error.with_hint("the file is there; what is missing is the interpreter or the dynamic linker it asks for");
  } else if (code == ENOEXEC) {
    error.with_hint("neither a program of this machine nor a script with a #! line");
  }
  return error;
}

}  // namespace

void Meeting::make_pair(Meeting& one, Meeting& other) {
  auto ends = kernel::socketpair();
  one = Meeting(std::move(ends.first));
  other = Meeting(std::move(ends.second));
}

void Meeting::say(char word) const noexcept { ::send(line_.get(), &word, 1, MSG_NOSIGNAL); }

char Meeting::hear() const {
  char word = 0;
  ssize_t count = -1;
  do {
    count = ::read(line_.get(), &word, 1);
  } while (count < 0 && errno == EINTR);
  if (count != 1) return 0;
  if (word == 'f') throw read_failure(kernel::read_all(line_));
  if (word == 'x') throw read_refusal(kernel::read_all(line_));
  return word;
}

void Meeting::fail(const Error& error) const noexcept {
  const int code = error.code();
  std::string text = "f";
  text += static_cast<char>(error.status());
  text.append(reinterpret_cast<const char*>(&code), sizeof code);
  text += error.attempt();
  text += '\0';
  text += error.hint();
  ::send(line_.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

void Meeting::leave_if_orphaned() const {
  char nothing = 0;
  if (recv(line_.get(), &nothing, 1, MSG_DONTWAIT) == 0) _exit(125);
}

Gate::Gate(const std::string& run_dir) : listener_(kernel::unix_socket()) {
  const Fd directory = kernel::open(run_dir, O_PATH | O_DIRECTORY);
  const sockaddr_un address = kernel::unix_address(directory, kGate);
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  kernel::attempt([&] { return bind(listener_.get(), generic, sizeof address); }, "bind {}/{}", run_dir, kGate);
  kernel::attempt([&] { return listen(listener_.get(), 1); }, "listen {}/{}", run_dir, kGate);
}

Meeting Gate::wait() {
  int line = -1;
  do {
    line = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
  } while (line < 0 && errno == EINTR);
  if (line < 0) throw Error("accept at the gate", errno);
  listener_.close();
  return Meeting(Fd(line));
}

Meeting Gate::open(const std::string& run_dir) {
  const Fd directory = kernel::open(run_dir, O_PATH | O_DIRECTORY);
  const sockaddr_un address = kernel::unix_address(directory, kGate);
  Fd line = kernel::unix_socket();
  const auto connect = [&] {
    return ::connect(line.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  };
  if (kernel::note_call(connect, "connect {}/{}", run_dir, kGate) < 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return {};
    throw Error(fmt::format("connect {}/{}", run_dir, kGate), errno);
  }
  kernel::attempt([&] { return unlinkat(directory.get(), kGate, 0); }, "unlinkat {}/{}", run_dir, kGate);
  return Meeting(std::move(line));
}

bool Gate::shut(const std::string& run_dir) { return kernel::exists(run_dir + "/" + kGate); }

}  // namespace coracle::launch
