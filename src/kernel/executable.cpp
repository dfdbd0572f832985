#include "kernel/executable.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "kernel/capability.hpp"
#include "kernel/mount.hpp"
#include "kernel/namespace.hpp"
#include "kernel/own_user_namespace.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

constexpr const char* kExecutable = "/proc/self/exe";

std::vector<std::string> own_arguments() {
  std::vector<std::string> arguments;
  const std::string text = read_file("/proc/self/cmdline", 8U << 20U);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    arguments.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return arguments;
}

std::vector<std::string> own_environment() {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  return environment;
}

bool on_readonly_mount() {
  struct statvfs status {};
  attempt([&] { return statvfs(kExecutable, &status); }, "statvfs {}", kExecutable);
  return (status.f_flag & ST_RDONLY) != 0;
}

// The capabilities that the process and its children can have at most (proc(5), /proc/PID/status).
Capabilities bounding_set(pid_t pid) {
  const std::string status = read_file(fmt::format("/proc/{}/status", pid));
  const std::size_t found = status.find("\nCapBnd:\t");
  return found == std::string::npos ? ~Capabilities{0}
                                    : std::strtoull(status.c_str() + found + sizeof "\nCapBnd:\t" - 1, nullptr, 16);
}

// Executes this program once more with the same arguments, from a detached read-only mount of its own file: no copy,
// half a millisecond. Returns at once when it was executed so already.
void shield_executable() {
  if (on_readonly_mount()) return;
  const Fd mount = open_tree(kExecutable, false);
  mount_setattr(mount, MOUNT_ATTR_RDONLY, 0, false);
  fexecve(mount, own_arguments(), own_environment());
}

}  // namespace

void shield_executable_from(pid_t pid) {
  const bool may_trace = (bounding_set(pid) & (Capabilities{1} << CAP_SYS_PTRACE)) != 0;
  // Capabilities count in their own user namespace, and our memory belongs to the one in which we were executed.
  const bool over_us = in_first_user_namespace() && different_namespaces(pid, CLONE_NEWUSER) == 0;
  if (may_trace && over_us) shield_executable();
}

}  // namespace coracle::kernel
