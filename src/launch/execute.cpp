#include "launch/execute.hpp"

#include <algorithm>

#include <grp.h>
#include <linux/close_range.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/mount.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "launch/init.hpp"
#include "launch/user.hpp"

namespace coracle::launch {
namespace {

using kernel::Error;

// Docker's, for images that say nothing (moby: DefaultPathEnvUnix).
constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const std::string* find(const std::vector<std::string>& environment, const std::string& name) {
  for (const std::string& entry : environment) {
    if (entry.compare(0, name.size(), name) == 0 && entry[name.size()] == '=') return &entry;
  }
  return nullptr;
}

void become(const User& user) {
  // Groups first, while we may: without setgroups the groups of whoever started us would stay (CVE-2022-36109).
  kernel::attempt([&] { return setgroups(user.groups.size(), user.groups.data()); }, "setgroups");
  kernel::attempt([&] { return setresgid(user.gid, user.gid, user.gid); }, "setresgid {}", user.gid);
  kernel::attempt([&] { return setresuid(user.uid, user.uid, user.uid); }, "setresuid {}", user.uid);
}

// Goes to the working directory; a missing one is made, as docker does.
void enter_directory(const std::string& path) {
  if (path.empty()) return;
  if (path[0] != '/') throw Error("use " + path + " as the working directory", 0, "it must be an absolute path");
  if (!kernel::exists(path)) kernel::make_directories(path);
  kernel::chdir(path);
}

bool is_program(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// The file to execute for `name`, looked for as execvp(3) does, but in the PATH of the container.
std::string find_program(const std::string& name, const std::string& path) {
  if (name.empty()) throw Error("execute \"\"", ENOENT, "the command is empty").with_status(127);
  if (name.find('/') != std::string::npos) return name;
  std::string unusable;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string directory = path.substr(begin, end - begin);
    const std::string candidate = (directory.empty() ? "." : directory) + "/" + name;
    if (is_program(candidate)) {
      if (access(candidate.c_str(), X_OK) == 0) return candidate;
      unusable = candidate;
    }
    begin = end + 1;
  }
  if (!unusable.empty()) return unusable;
  throw Error("execute " + name, ENOENT, "no such program in the container's PATH (" + path + ")").with_status(127);
}

[[noreturn]] void execute_program(const Process& process, const std::vector<std::string>& environment) {
  const std::string path = find(environment, "PATH")->substr(sizeof "PATH=" - 1);
  try {
    kernel::execve(find_program(process.args.at(0), path), process.args, environment);
  } catch (Error& error) {
    if (error.status() == 127) throw;
    if (error.code() == ENOENT && is_program(error.attempt().substr(sizeof "execve " - 1))) {
      error.with_hint("the file is there; what is missing is the interpreter or the dynamic linker it asks for");
    } else if (error.code() == ENOEXEC) {
      error.with_hint("neither a program of this machine nor a script with a #! line");
    }
    throw error.with_status(error.code() == ENOENT || error.code() == ENOTDIR ? 127 : 126);
  }
}

std::vector<std::string> complete(std::vector<std::string> environment, const User& user) {
  if (find(environment, "PATH") == nullptr) environment.push_back(std::string("PATH=") + kDefaultPath);
  if (find(environment, "HOME") == nullptr) environment.push_back("HOME=" + user.home);
  return environment;
}

}  // namespace

void leave_if_orphaned(const kernel::Fd& meeting) {
  char nothing = 0;
  if (recv(meeting.get(), &nothing, 1, MSG_DONTWAIT) == 0) _exit(125);
}

void execute(const Process& process, const kernel::Fd& meeting, const sigset_t& mask) {
  const User user = find_user(process.user);
  if (process.new_session) setsid();
  umask(022);
  enter_directory(process.cwd);
  if (!process.user.empty()) {
    become(user);
    kernel::die_with_parent();  // again: a change of user clears it (prctl(2))
    leave_if_orphaned(meeting);
  }
  const std::vector<std::string> environment = complete(process.env, user);
  kernel::default_signal_actions();
  if (process.init) become_init(mask);
  kernel::set_signal_mask(mask);
  // Whatever else was open when we were started stays outside (CVE-2024-21626).
  kernel::attempt([] { return close_range(3, ~0U, CLOSE_RANGE_CLOEXEC); }, "close_range 3");
  execute_program(process, environment);
}

}  // namespace coracle::launch
