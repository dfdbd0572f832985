#include "kernel/spawn.hpp"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

// A file in memory: unlike a pipe it never fills, so nobody waits for anybody.
Fd memfd(const char* name, std::string_view content = {}) {
  Fd fd(attempt([&] { return memfd_create(name, MFD_CLOEXEC); }, "memfd_create {}", name));
  write_all(fd, content);
  lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

std::string content(const Fd& fd) {
  lseek(fd.get(), 0, SEEK_SET);
  return read_all(fd);
}

// Gives the status.
int run(const std::vector<std::string>& command, std::string_view input, const Fd& out, const Fd& err) {
  const Fd in = memfd("stdin", input);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.get(), STDERR_FILENO);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);

  const std::int64_t start = now();
  pid_t pid = -1;
  int error = posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  if (error == ENOENT) {  // su leaves /usr/sbin out of the PATH
    error = posix_spawn(&pid, ("/usr/sbin/" + command[0]).c_str(), &actions, nullptr, arguments.data(), environ);
  }
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw Error("run " + command[0], error);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (recording()) note("run " + command[0], start, 0);
  return status;
}

[[noreturn]] void fail(const std::vector<std::string>& command, std::string said) {
  while (said.ends_with('\n')) said.pop_back();
  throw Error("run " + command[0], 0, said);
}

}  // namespace

void spawn(const std::vector<std::string>& command, std::string_view input) {
  const Fd out = memfd("output");
  if (run(command, input, out, out) != 0) fail(command, content(out));
}

std::string spawn_for_output(const std::vector<std::string>& command, std::string_view input) {
  const Fd out = memfd("output");
  const Fd err = memfd("errors");
  if (run(command, input, out, err) != 0) fail(command, content(out) + content(err));
  return content(out);
}

}  // namespace coracle::kernel
