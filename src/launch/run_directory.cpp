#include "launch/run_directory.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include <dirent.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "launch/launch.hpp"
#include "launch/rootless.hpp"

namespace coracle::launch {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr const char* kPartsNote = "/parts";
constexpr int kPatienceMs = 10'000;
constexpr const char* kProcessNote = "/process";

// The run root may stand in a directory that everybody can write to (/dev/shm): it must be ours alone. What is not
// there is no error.
void check_run_root(const std::string& run_root) {
  struct stat status {};
  if (kernel::note_call([&] { return lstat(run_root.c_str(), &status); }, "lstat {}", run_root) < 0) {
    if (errno == ENOENT) return;
    throw Error("lstat " + run_root, errno);
  }
  if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 022U) != 0) {
    throw Error("use " + run_root + " for the state of containers", 0,
                "it is not a directory that this user alone can write to; remove it, or name another in CORACLE_RUN");
  }
}

void make_run_root(const std::string& run_root) {
  kernel::make_directories(run_root, rootless() ? 0700 : 0711);
  check_run_root(run_root);
}

// Whether the descriptor still is what the path leads to: between mkdir and flock a sweep may have removed it.
bool still_at(const Fd& directory, const std::string& path) {
  struct stat ours {
  }, there{};
  return fstat(directory.get(), &ours) == 0 && stat(path.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
         ours.st_dev == there.st_dev;
}

// `names` has one on each line.
bool knows_all(const parts::Parts& parts, std::string_view names) {
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find('\n'));
    if (std::none_of(parts.begin(), parts.end(), [&](const auto& part) { return name == part->name(); })) return false;
    names.remove_prefix(std::min(name.size() + 1, names.size()));
  }
  return true;
}

// The session's own directory (pam_systemd(8)); where there is none, one that make_run_root() finds to be ours.
std::string users_run_root() {
  const char* session = std::getenv("XDG_RUNTIME_DIR");
  if (session != nullptr && *session == '/' && access(session, W_OK) == 0) return std::string(session) + "/coracle";
  const char* memory = kernel::exists("/dev/shm") ? "/dev/shm" : "/tmp";
  return fmt::format("{}/coracle-{}", memory, host_uid());
}

bool is_id(const std::string& name) {
  return name.size() == 12 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

void end_noted_process(const std::string& path) {
  const std::string note = path + kProcessNote;
  if (!kernel::exists(note)) return;
  const Fd pidfd = kernel::noted_process(kernel::read_file(note));
  if (!pidfd) return;
  pollfd end{pidfd.get(), POLLIN, 0};
  if (poll(&end, 1, 0) == 1) return;  // it has ended, and nobody has waited for it yet
  if (!kernel::send_signal(pidfd, SIGKILL)) return;
  int ended = 0;
  do {
    ended = poll(&end, 1, kPatienceMs);
  } while (ended < 0 && errno == EINTR);
  // The first process of a pid namespace ends when all others in it have been waited for (pid_namespaces(7)), and those
  // that joined it have a parent outside.
  if (ended == 0) throw Error("wait for the end of the container's process", ETIMEDOUT, "it was killed");
}

}  // namespace

RunDirectory::RunDirectory(std::string path, Fd held) : path_(std::move(path)), held_(std::move(held)) {}

RunDirectory::RunDirectory(const std::string& run_root, const std::string& id, const parts::Parts& parts)
    : path_(run_root + "/" + id) {
  check_run_root(run_root);
  do {
    if (kernel::note_call([&] { return mkdir(path_.c_str(), 0700); }, "mkdir {}", path_) < 0) {
      if (errno == EEXIST) throw Error("make " + path_, EEXIST, "a container with this id is there already");
      make_run_root(run_root);
      kernel::attempt([&] { return mkdir(path_.c_str(), 0700); }, "mkdir {}", path_);
    }
    held_ = Fd(
        kernel::note_call([&] { return ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }, "open {}", path_));
    if (!held_ && errno != ENOENT) throw Error("open " + path_, errno);
    if (held_) kernel::lock(held_, LOCK_EX);
    // Before the lock is ours, a sweep may take the directory for an abandoned one and remove it.
  } while (!held_ || !still_at(held_, path_));
  std::string names;
  for (const auto& part : parts) names += std::string(part->name()) + "\n";
  kernel::create_file(path_ + kPartsNote, names, 0600);
}

std::optional<RunDirectory> RunDirectory::take_over(const std::string& run_root, const std::string& id,
                                                    const parts::Parts& parts) {
  const std::string path = run_root + "/" + id;
  try {
    Fd directory = kernel::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!kernel::lock(directory, LOCK_EX | LOCK_NB) || !still_at(directory, path)) return std::nullopt;
    const std::string note = path + kPartsNote;
    if (kernel::exists(note) && !knows_all(parts, kernel::read_file(note))) return std::nullopt;
    return RunDirectory(path, std::move(directory));
  } catch (const Error& error) {
    if (error.code() == ENOENT) return std::nullopt;  // somebody else was faster
    throw;
  }
}

bool RunDirectory::held(const std::string& run_root, const std::string& id) {
  try {
    const Fd directory = kernel::open(run_root + "/" + id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    return !kernel::lock(directory, LOCK_EX | LOCK_NB);
  } catch (const Error& error) {
    if (error.code() == ENOENT) return false;
    throw;
  }
}

std::vector<std::string> RunDirectory::ids(const std::string& run_root) {
  check_run_root(run_root);
  std::vector<std::string> ids;
  DIR* directory = opendir(run_root.c_str());
  if (directory == nullptr) return ids;
  while (const dirent* entry = readdir(directory)) {
    if (is_id(entry->d_name)) ids.emplace_back(entry->d_name);
  }
  closedir(directory);
  return ids;
}

void RunDirectory::note_process(pid_t pid) const {
  kernel::create_file(path_ + kProcessNote, kernel::process_note(pid), 0600);
}

void RunDirectory::end_process() const { end_noted_process(path_); }

void RunDirectory::remove() { kernel::remove_tree(path_); }

void end_abandoned(const std::string& run_root) {
  for (const std::string& id : RunDirectory::ids(run_root)) {
    const std::string path = run_root + "/" + id;
    if (!RunDirectory::held(run_root, id)) end_noted_process(path);
  }
}

std::string default_run_root() {
  if (const char* chosen = std::getenv("CORACLE_RUN"); chosen != nullptr && *chosen != '\0') return chosen;
  if (rootless()) return users_run_root();
  struct statfs status {};
  const bool in_memory = statfs("/run", &status) == 0 && status.f_type == TMPFS_MAGIC;
  return in_memory ? "/run/coracle" : "/dev/shm/coracle";
}

std::string new_id() {
  std::uint64_t number = 0;
  kernel::attempt([&] { return getrandom(&number, sizeof number, 0); }, "getrandom");
  return fmt::format("{:012x}", number & 0xffffffffffffULL);
}

}  // namespace coracle::launch
