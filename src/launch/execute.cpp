#include "launch/execute.hpp"

#include <algorithm>
#include <climits>

#include <linux/close_range.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/mount.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"

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

bool is_program(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

std::string check_program(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0) {
    if (S_ISREG(status.st_mode)) return path;
    throw Error("execve " + path, EACCES, "it is no regular file").with_status(126);
  }
  const int error = errno;
  throw Error("execve " + path, error).with_status(error == ENOENT || error == ENOTDIR ? 127 : 126);
}

// The file to execute for `name`, looked for as execvp(3) does, but in the PATH of the container.
std::string find_program(const std::string& name, const std::string& path) {
  if (name.empty()) throw Error("execute \"\"", ENOENT, "the command is empty").with_status(127);
  if (name.find('/') != std::string::npos) return check_program(name);
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

std::vector<std::string> complete(std::vector<std::string> environment, const parts::User& user) {
  if (find(environment, "PATH") == nullptr) environment.push_back(std::string("PATH=") + kDefaultPath);
  if (find(environment, "HOME") == nullptr) environment.push_back("HOME=" + user.home);
  return environment;
}

}  // namespace

void enter_directory(const std::string& path, bool make) {
  if (path.empty()) return;
  if (path[0] != '/') throw Error("use " + path + " as the working directory", 0, "it must be an absolute path");
  const kernel::Fd root = kernel::open("/", O_PATH | O_DIRECTORY);
  kernel::Fd found =
      make ? kernel::make_directories_in_root(root, path) : kernel::find_in_root(root, path, O_PATH | O_DIRECTORY);
  if (!found) throw Error("use " + path + " as the working directory", ENOENT).with_status(127);
  kernel::fchdir(found);
  // The system call itself: "(unreachable)" begins what it gives for a directory outside of our root (getcwd(2)), as a
  // descriptor that leaked into the container would be (CVE-2024-21626).
  char directory[PATH_MAX] = {};
  kernel::attempt([&] { return syscall(SYS_getcwd, directory, sizeof directory); }, "getcwd");
  if (directory[0] != '/') throw Error("use " + path + " as the working directory", 0, "it is outside of the root");
}

Program::Program(const Process& process, const parts::User& user, const sigset_t& mask)
    : arguments_(process.args), environment_(complete(process.env, user)), init_(process.init) {
  const std::string* const path = find(environment_, "PATH");
  path_ = find_program(arguments_.at(0), path->substr(sizeof "PATH=" - 1));
  umask(process.umask);
  kernel::default_signal_actions();
  kernel::set_signal_mask(mask);
  // Whatever else was open when we were started stays outside (CVE-2024-21626).
  const unsigned first = 3 + process.preserve_fds;
  kernel::attempt([&] { return close_range(first, ~0U, CLOSE_RANGE_CLOEXEC); }, "close_range {}", first);
}

void Program::execute(const Meeting& meeting) const {
  stage_.execute(path_, arguments_, environment_, init_, meeting.fd().get());
}

}  // namespace coracle::launch
