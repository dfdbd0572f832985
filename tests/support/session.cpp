#include "support/session.hpp"

#include <cstdlib>

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <csignal>

#include "kernel/mount.hpp"
#include "kernel/namespace.hpp"
#include "kernel/recorder.hpp"

namespace coracle::test {
namespace {

// The mount point of the session's tmpfs. It is the same for all test programs; each has its own mount on it.
std::string mount_point() { return kernel::exists("/dev/shm") ? "/dev/shm/coracle-tests" : "/tmp/coracle-tests"; }

kernel::Fd host_namespace;

void bring_up_loopback() {
  const kernel::Fd any(kernel::attempt([] { return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); }, "socket"));
  ifreq request{{"lo"}, {}};  // netdevice(7)
  request.ifr_flags = IFF_UP;
  kernel::attempt([&] { return ioctl(any.get(), SIOCSIFFLAGS, &request); }, "ioctl SIOCSIFFLAGS lo up");
}

void give_root(const char* variable, const std::string& path) {
  kernel::make_directories(path);
  setenv(variable, path.c_str(), 0);  // one that was given is kept
}

}  // namespace

void isolate_session() {
  host_namespace = kernel::open("/proc/self/ns/net", O_RDONLY);
  try {
    kernel::unshare(CLONE_NEWNS | CLONE_NEWNET);
  } catch (kernel::Error& error) {
    throw error.with_hint("the tests make containers, for which they need to be root: sudo ...");
  }
  kernel::set_propagation("/", MS_PRIVATE);
  bring_up_loopback();
  // A new network namespace begins with the host's own setting, which docker or coracle may have switched on.
  kernel::write_file("/proc/sys/net/ipv4/ip_forward", "0\n");
  kernel::make_directories(mount_point());
  kernel::mount("coracle-tests", mount_point(), "tmpfs", 0, "mode=755");
  give_root("CORACLE_RUN", mount_point() + "/run");
  give_root("CORACLE_ROOT", mount_point() + "/data");
  kernel::attempt([] { return prctl(PR_SET_CHILD_SUBREAPER, 1); }, "prctl PR_SET_CHILD_SUBREAPER");
  signal(SIGPIPE, SIG_IGN);  // a program that does not read its input is for the test to judge
}

std::string host_network() { return fmt::format("/proc/{}/fd/{}", getpid(), host_namespace.get()); }

std::string scratch() { return mount_point(); }

}  // namespace coracle::test
