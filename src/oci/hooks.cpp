#include "oci/hooks.hpp"

#include <csignal>

#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/process.hpp"
#include "kernel/recorder.hpp"

namespace coracle::oci {
namespace {

using kernel::Error;
using kernel::Fd;

std::vector<Hook> read_list(const Field& list) {
  std::vector<Hook> hooks;
  list.each([&](const Field& field) {
    Hook hook;
    hook.path = field["path"].required_text();
    if (hook.path[0] != '/') field["path"].refuse("it must be an absolute path");
    hook.args = field["args"].texts();
    if (hook.args.empty()) hook.args = {hook.path};
    if (field["env"]) hook.env = field["env"].texts();
    hook.timeout = field["timeout"].number<int>();
    if (hook.timeout && *hook.timeout <= 0) field["timeout"].refuse("it must be greater than 0");
    hooks.push_back(std::move(hook));
  });
  return hooks;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

Fd memory_file(const char* name, const std::string& text) {
  Fd file(kernel::attempt([&] { return memfd_create(name, MFD_CLOEXEC); }, "memfd_create {}", name));
  kernel::write_all(file, text);
  lseek(file.get(), 0, SEEK_SET);
  return file;
}

// Starts the hook with the signals as a new program expects them.
Fd spawn(const Hook& hook, const Fd& in, const Fd& out) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.get(), STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, hook.path.c_str(), &actions, &attributes, pointers(hook.args).data(),
                                hook.env ? pointers(*hook.env).data() : environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw Error("run the hook " + hook.path, error);
  return kernel::pidfd_open(pid);
}

void run_hook(const Hook& hook, const std::string& state) {
  const Fd out = memory_file("hook", "");
  const Fd process = spawn(hook, memory_file("state", state), out);
  pollfd end{process.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&end, 1, hook.timeout ? *hook.timeout * 1000 : -1);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) kernel::send_signal(process, SIGKILL);
  const kernel::Ending ending = kernel::wait(process);
  if (ready == 0) {
    throw Error("run the hook " + hook.path, ETIMEDOUT,
                fmt::format("it did not end within its timeout of {} s", *hook.timeout));
  }
  if (ending.status() == 0) return;
  lseek(out.get(), 0, SEEK_SET);
  std::string said = kernel::read_all(out, 64U << 20U).substr(0, 4096);
  while (said.ends_with('\n')) said.pop_back();
  throw Error("run the hook " + hook.path, 0,
              fmt::format("its exit status is {}{}{}", ending.status(), said.empty() ? "" : ": ", said));
}

}  // namespace

Hooks read_hooks(const Field& hooks) {
  return {.prestart = read_list(hooks["prestart"]),
          .create_runtime = read_list(hooks["createRuntime"]),
          .create_container = read_list(hooks["createContainer"]),
          .start_container = read_list(hooks["startContainer"]),
          .poststart = read_list(hooks["poststart"]),
          .poststop = read_list(hooks["poststop"])};
}

void run_hooks(const std::vector<Hook>& hooks, const std::string& state) {
  for (const Hook& hook : hooks) run_hook(hook, state);
}

void run_all_hooks(const std::vector<Hook>& hooks, const std::string& state,
                   const std::function<void(const std::string&)>& warn) {
  for (const Hook& hook : hooks) {
    try {
      run_hook(hook, state);
    } catch (const Error& error) {
      warn(error.what());
    }
  }
}

}  // namespace coracle::oci
