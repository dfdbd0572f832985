#include "parts/confine/sysctl.hpp"

#include <algorithm>

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel/mountpoint.hpp"
#include "kernel/recorder.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr ino_t kProcRoot = 1;  // PROC_ROOT_INO in the kernel's include/linux/proc_ns.h

std::string namespace_at(const Fd& proc, const char* path) {
  struct stat status {};
  return fstatat(proc.get(), path, &status, 0) == 0 ? fmt::format("{}:{}", status.st_dev, status.st_ino) : "";
}

bool begins_with(const std::string& text, const std::string& begin) {
  return text.compare(0, begin.size(), begin) == 0;
}

// sysctl(8): when the first separator is a slash, dots belong to the names.
std::string path_of(const std::string& name) {
  std::string path = name;
  if (path.find_first_of("./") != std::string::npos && path[path.find_first_of("./")] == '.')
    std::replace(path.begin(), path.end(), '.', '/');
  const std::string checked = "/" + path + "/";
  if (name.empty() || checked.find("//") != std::string::npos || checked.find("/./") != std::string::npos ||
      checked.find("/../") != std::string::npos || name.find('\0') != std::string::npos)
    throw Error("set the sysctl \"" + name + "\"", 0, "a name is written net.ipv4.ip_forward");
  return path;
}

// The settings that a namespace has for itself (ipc_namespaces(7), network_namespaces(7), uts_namespaces(7)).
bool is_ipc(const std::string& path) {
  static constexpr const char* kOwn[] = {"kernel/msgmax",      "kernel/msgmnb",          "kernel/msgmni",
                                         "kernel/sem",         "kernel/shmall",          "kernel/shmmax",
                                         "kernel/shmmni",      "kernel/shm_rmid_forced", "kernel/msg_next_id",
                                         "kernel/sem_next_id", "kernel/shm_next_id",     "kernel/auto_msgmni"};
  return begins_with(path, "fs/mqueue/") || std::find(std::begin(kOwn), std::end(kOwn), path) != std::end(kOwn);
}

void refuse_shared(const std::string& name, const std::string& path, const SeenNamespaces& ours,
                   const SeenNamespaces& host) {
  const auto refuse = [&](const std::string& why) { throw Error("set the sysctl " + name, EPERM, why); };
  const auto check = [&](const std::string& mine, const std::string& theirs, const char* kind) {
    if (mine.empty() || mine == theirs)
      refuse(std::string("the container shares the ") + kind + " namespace with the host");
  };
  if (begins_with(path, "net/")) return check(ours.net, host.net, "network");
  if (is_ipc(path)) return check(ours.ipc, host.ipc, "IPC");
  if (path == "kernel/hostname") refuse("the host name has an option of its own");
  if (path == "kernel/domainname") return check(ours.uts, host.uts, "UTS");
  refuse("it belongs to the whole machine and not to a namespace: it would be the host's");
}

void write_sysctl(const Fd& proc, const Sysctl& sysctl, const SeenNamespaces& ours, const SeenNamespaces& host) {
  const std::string path = path_of(sysctl.name);
  refuse_shared(sysctl.name, path, ours, host);
  const Fd file = find_in_proc(proc, "sys/" + path, O_WRONLY);
  if (!file) throw Error("set the sysctl " + sysctl.name, ENOENT, "this kernel has no such setting");
  kernel::attempt([&] { return write(file.get(), sysctl.value.data(), sysctl.value.size()); }, "write {} to sysctl {}",
                  sysctl.value, sysctl.name);
}

}  // namespace

Fd open_proc() {
  Fd proc = kernel::open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW);
  struct statfs system {};
  struct stat status {};
  kernel::attempt([&] { return fstatfs(proc.get(), &system); }, "fstatfs /proc");
  kernel::attempt([&] { return fstat(proc.get(), &status); }, "fstat /proc");
  if (system.f_type == PROC_SUPER_MAGIC && status.st_ino == kProcRoot) return proc;
  throw Error("open /proc", EPERM, "what is mounted there is not the kernel's procfs");
}

Fd find_in_proc(const Fd& proc, const std::string& path, int flags) {
  return kernel::find_in_root(proc, path, flags, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
}

SeenNamespaces look_at_namespaces(const Fd& proc) {
  return {namespace_at(proc, "self/ns/ipc"), namespace_at(proc, "self/ns/net"), namespace_at(proc, "self/ns/uts")};
}

void write_sysctls(const std::vector<Sysctl>& sysctls, const SeenNamespaces& host) {
  if (sysctls.empty()) return;
  const Fd proc = open_proc();
  const SeenNamespaces ours = look_at_namespaces(proc);
  for (const Sysctl& sysctl : sysctls) write_sysctl(proc, sysctl, ours, host);
}

}  // namespace coracle::parts
