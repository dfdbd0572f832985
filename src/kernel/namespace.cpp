#include "kernel/namespace.hpp"

#include <algorithm>
#include <cstring>

#include <linux/nsfs.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/recorder.hpp"

namespace coracle::kernel {

namespace {

struct Kind {
  std::uint64_t flag;
  const char* file;  // below /proc/PID/ns
};
constexpr Kind kKinds[] = {{CLONE_NEWUSER, "user"}, {CLONE_NEWNS, "mnt"},       {CLONE_NEWPID, "pid"},
                           {CLONE_NEWUTS, "uts"},   {CLONE_NEWIPC, "ipc"},      {CLONE_NEWNET, "net"},
                           {CLONE_NEWTIME, "time"}, {CLONE_NEWCGROUP, "cgroup"}};

}  // namespace

std::string flag_names(std::uint64_t flags) {
  static constexpr std::pair<std::uint64_t, const char*> kNames[] = {
      {CLONE_NEWNS, "NEWNS"},     {CLONE_NEWPID, "NEWPID"},       {CLONE_NEWUTS, "NEWUTS"},
      {CLONE_NEWIPC, "NEWIPC"},   {CLONE_NEWNET, "NEWNET"},       {CLONE_NEWTIME, "NEWTIME"},
      {CLONE_NEWUSER, "NEWUSER"}, {CLONE_NEWCGROUP, "NEWCGROUP"}, {CLONE_INTO_CGROUP, "INTO_CGROUP"}};
  std::string names;
  for (const auto& [flag, name] : kNames) {
    if ((flags & flag) != 0) names += (names.empty() ? "" : "|") + std::string(name);
  }
  return names;
}

void unshare(std::uint64_t flags) {
  attempt([&] { return ::unshare(static_cast<int>(flags)); }, "unshare {}", flag_names(flags));
}

void setns(const Fd& pidfd_or_namespace, std::uint64_t flags) {
  attempt([&] { return ::setns(pidfd_or_namespace.get(), static_cast<int>(flags)); }, "setns {}", flag_names(flags));
}

void in_namespace(const Fd& pidfd, std::uint64_t flag, const std::function<void()>& act) {
  const char* file =
      std::find_if(std::begin(kKinds), std::end(kKinds), [&](auto& each) { return each.flag == flag; })->file;
  struct Return {
    Fd home;
    std::uint64_t flag;
    ~Return() { ::setns(home.get(), static_cast<int>(flag)); }
  } back{open(std::string("/proc/self/ns/") + file, O_RDONLY), flag};
  setns(pidfd, flag);
  act();
}

Fd open_namespace(const std::string& path, std::uint64_t flag) {
  Fd fd = open(path, O_RDONLY | O_NONBLOCK);
  const int found = note_call([&] { return ioctl(fd.get(), NS_GET_NSTYPE); }, "ioctl NS_GET_NSTYPE {}", path);
  if (found == static_cast<int>(flag)) return fd;
  const std::string attempt = "use " + path + " as a namespace of the kind " + flag_names(flag);
  if (found < 0) throw Error(attempt, 0, "it is no namespace");
  throw Error(attempt, 0, "it is one of the kind " + flag_names(static_cast<std::uint64_t>(found)));
}

std::uint64_t different_namespaces(pid_t pid, std::uint64_t kinds) {
  std::uint64_t different = 0;
  for (const Kind& kind : kKinds) {
    if ((kinds & kind.flag) == 0) continue;
    struct stat ours {
    }, theirs{};
    const std::string path = fmt::format("/proc/{}/ns/{}", pid, kind.file);
    if (stat(fmt::format("/proc/self/ns/{}", kind.file).c_str(), &ours) < 0) continue;  // a kernel without this kind
    attempt([&] { return stat(path.c_str(), &theirs); }, "stat {}", path);
    if (ours.st_ino != theirs.st_ino) different |= kind.flag;
  }
  return different;
}

void set_loopback_up() {
  const Fd socket(attempt([] { return ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); }, "socket AF_INET"));
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", sizeof "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  attempt([&] { return ioctl(socket.get(), SIOCSIFFLAGS, &request); }, "ioctl SIOCSIFFLAGS lo up");
}

void sethostname(const std::string& name) {
  attempt([&] { return ::sethostname(name.c_str(), name.size()); }, "sethostname {}", name);
}

void setdomainname(const std::string& name) {
  attempt([&] { return ::setdomainname(name.c_str(), name.size()); }, "setdomainname {}", name);
}

}  // namespace coracle::kernel
