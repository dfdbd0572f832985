// Lesson 3: the program gets views of the system of its own.
#include <algorithm>

#include "lesson.hpp"
#include "parts/mounts.hpp"
#include "parts/namespaces.hpp"
#include "parts/root.hpp"

using namespace coracle;

int main(int argc, char** argv) {
  Lesson lesson("03-namespaces",
                "Run a program with its own pids, host name, mounts, IPC, cgroup view, clock and network");
  parts::NamespaceOptions namespaces;
  std::vector<std::string> without;
  const std::vector<std::string> all = {"mount", "pid", "uts", "ipc", "cgroup", "time", "net"};
  lesson.add_words("--without", without, "Share this namespace with the host: mount, pid, uts, ipc, cgroup, time, net")
      ->check(CLI::IsMember(all))
      ->delimiter(',');
  lesson.app.add_option("--hostname", namespaces.hostname, "The host name inside");
  lesson.app.add_option("--uptime", namespaces.uptime, "Seconds since boot, as the program sees them");
  lesson.app.add_flag("--init", lesson.process.init,
                      "A minimal init as pid 1, which passes signals on and reaps orphans");
  lesson.app.add_option("--join", lesson.join_pid, "Run CMD in the namespaces of this process (then without ROOTFS)");

  return lesson.run(argc, argv, [&](parts::Parts& parts) {
    const auto own = [&](const char* name) { return std::find(without.begin(), without.end(), name) == without.end(); };
    namespaces.mount = own("mount");
    namespaces.pid = own("pid");
    namespaces.uts = own("uts");
    namespaces.ipc = own("ipc");
    namespaces.cgroup = own("cgroup");
    namespaces.time = own("time");
    namespaces.network = own("net");
    parts.push_back(parts::make_namespaces(namespaces));
    if (lesson.join_pid != 0) return;
    // Without a mount namespace every mount would be the host's: then there is no /proc, and chroot must do.
    using With = parts::RootOptions::With;
    if (namespaces.mount) parts.push_back(parts::make_mounts());
    parts.push_back(parts::make_root({namespaces.mount ? With::pivot_root : With::chroot, lesson.rootfs}));
  });
}
