#include "kernel/own_user_namespace.hpp"

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <sched.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "kernel/namespace.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

constexpr std::uint32_t kAllIds = 4294967295;  // 2^32-1 is no id

std::vector<std::string> words_of(const char* program, const IdMap& map) {
  std::vector<std::string> words = {program, std::to_string(getpid())};
  for (const IdMapping& range : map) {
    for (const std::uint32_t number : {range.container, range.host, range.size})
      words.push_back(std::to_string(number));
  }
  return words;
}

// The child that becomes newuidmap or newgidmap: born outside of the namespace, for inside its setuid bit counts for
// nothing, it waits for one byte before it goes on.
[[noreturn]] void be_map_writer(std::vector<std::string> words, const Fd& gate, const Fd& output) {
  char go = 0;
  if (::read(gate.get(), &go, 1) != 1) _exit(1);
  ::dup2(output.get(), STDOUT_FILENO);
  ::dup2(output.get(), STDERR_FILENO);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execv(find_program(words[0]).c_str(), pointers.data());
  _exit(127);
}

// Does `make`, which makes a user namespace; says why this host does not let us.
template <typename Make>
auto allowed(Make make) {
  try {
    return make();
  } catch (Error& error) {
    const std::string mend = user_namespace_switch();
    throw error.with_hint(mend.empty() ? "see coracle doctor" : "this host forbids it to users; as root: " + mend);
  }
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Calls `read` with each line of the map: its three numbers.
template <typename Read>
void each_range(const char* file, Read read) {
  std::FILE* stream = std::fopen(file, "re");
  if (stream == nullptr) throw Error(std::string("open ") + file, errno);
  unsigned inside = 0, outside = 0, count = 0;
  while (std::fscanf(stream, "%u %u %u", &inside, &outside, &count) == 3) read(IdMapping{inside, outside, count});
  std::fclose(stream);
}

bool is_mapped(const char* file, std::uint32_t id) {
  bool found = false;
  each_range(file,
             [&](const IdMapping& range) { found |= id >= range.container && id - range.container < range.size; });
  return found;
}

}  // namespace

NewUserNamespace::MapWriter::MapWriter(const char* program, const IdMap& map, const Fd& gate, Fd& gate_opener)
    : program_(program), said_(attempt([&] { return ::memfd_create(program, MFD_CLOEXEC); }, "memfd_create")) {
  std::vector<std::string> words = words_of(program, map);
  child_ = clone3(0);
  if (child_.pid != 0) return;
  gate_opener.close();  // so that the gate ends when our parent does
  be_map_writer(std::move(words), gate, said_);
}

void NewUserNamespace::MapWriter::finish() {
  if (wait(child_.pidfd).status() == 0) return;
  lseek(said_.get(), 0, SEEK_SET);
  std::string said = read_all(said_);
  while (said.ends_with('\n')) said.pop_back();
  throw Error("write the id map with " + std::string(program_), 0,
              said +
                  "; it must be setuid root, on a file system without nosuid, and allow what /etc/subuid and "
                  "/etc/subgid say (see coracle doctor)");
}

NewUserNamespace::NewUserNamespace(const IdMap& uids, const IdMap& gids) {
  ::signal(SIGCHLD, SIG_DFL);  // ignored, it would take the ends of our children away from us
  int ends[2];
  attempt([&] { return ::pipe2(ends, O_CLOEXEC); }, "pipe2");
  gate_ = Fd(ends[0]);
  gate_opener_ = Fd(ends[1]);
  uids_.emplace("newuidmap", uids, gate_, gate_opener_);
  gids_.emplace("newgidmap", gids, gate_, gate_opener_);
  allowed([] { unshare(CLONE_NEWUSER); });
  write_all(gate_opener_, "gg");
}

void NewUserNamespace::finish() {
  uids_->finish();
  gids_->finish();
}

void enter_user_namespace_alone() {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  allowed([] { unshare(CLONE_NEWUSER); });
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", fmt::format("0 {} 1", uid));
  write_file("/proc/self/gid_map", fmt::format("0 {} 1", gid));
}

bool in_first_user_namespace() {
  bool whole = false;
  each_range("/proc/self/uid_map",
             [&](const IdMapping& range) { whole = range.container == 0 && range.host == 0 && range.size == kAllIds; });
  return whole;
}

std::string overlay_xattr(const std::string& name) {
  return (in_first_user_namespace() ? "trusted.overlay." : "user.overlay.") + name;
}

bool uid_is_mapped(uid_t id) { return is_mapped("/proc/self/uid_map", id); }
bool gid_is_mapped(gid_t id) { return is_mapped("/proc/self/gid_map", id); }

bool setgroups_is_denied() { return read_file("/proc/self/setgroups") == "deny\n"; }

IdMap subordinate_ids(const std::string& file, uid_t uid, const std::string& name) {
  IdMap map;
  if (!exists(file)) return map;
  const std::string text = read_file(file, 16U << 20U);
  const std::string own_number = std::to_string(uid);
  std::uint32_t next = 1;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', std::min(first, line.size() - 1) + 1);
    if (line.empty() || first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view owner = line.substr(0, first);
    const auto first_id = number(line.substr(first + 1, second - first - 1));
    const auto count = number(line.substr(second + 1));
    if ((owner != name && owner != own_number) || owner.empty() || !first_id || !count || *count == 0) continue;
    map.push_back({next, *first_id, *count});
    next += *count;
  }
  return map;
}

std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "";
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    std::string candidate = std::string(rest.substr(0, end)) + "/" + name;
    if (candidate.front() == '/' && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const std::string usual = "/usr/bin/" + name;
  return ::access(usual.c_str(), X_OK) == 0 ? usual : "";
}

std::optional<std::string> why_no_map_writer(const std::string& program) {
  const std::string path = find_program(program);
  if (path.empty()) return "there is no program " + program + " (apt-get install uidmap)";
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return "stat " + path + ": " + errno_text(errno);
  const bool setuid = (status.st_mode & S_ISUID) != 0 && status.st_uid == 0;
  if (setuid || ::getxattr(path.c_str(), "security.capability", nullptr, 0) > 0) return std::nullopt;
  return path + " is not setuid (chmod u+s " + path + ")";
}

std::string user_namespace_switch() {
  struct Switch {
    const char* file;
    const char* forbids;
    const char* mend;
  };
  static constexpr std::array kSwitches = {
      // Ubuntu 24.04: a user namespace comes without capabilities unless an AppArmor profile allows them.
      Switch{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n",
             "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
      Switch{"/proc/sys/kernel/unprivileged_userns_clone", "0\n", "sysctl -w kernel.unprivileged_userns_clone=1"},
      Switch{"/proc/sys/user/max_user_namespaces", "0\n", "sysctl -w user.max_user_namespaces=10000"},
  };
  for (const Switch& one : kSwitches) {
    if (exists(one.file) && read_file(one.file) == one.forbids) return one.mend;
  }
  return "";
}

}  // namespace coracle::kernel
