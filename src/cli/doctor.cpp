// coracle doctor: what this host can do, which lesson needs it, and the command that mends it.
#include <algorithm>
#include <cstdio>

#include <linux/magic.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/doctor.hpp"
#include "cli/options.hpp"
#include "kernel/probe.hpp"
#include "launch/rootless.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;
using kernel::Failure;

// What every network's ruleset is made of (src/parts/firewall.cpp).
constexpr const char* kRuleset = R"(
table ip probe {
  map published { type inet_proto . inet_service : ipv4_addr . inet_service; }
  chain prerouting {
    type nat hook prerouting priority -100;
    fib daddr type local dnat ip to meta l4proto . th dport map @published
  }
  chain postrouting {
    type nat hook postrouting priority 100;
    ip saddr 10.0.0.0/8 masquerade
  }
  chain forward {
    type filter hook forward priority 0;
    ct state established,related accept
  }
})";

constexpr std::uint64_t kLeastMemory = 64U << 20U;  // of the run root: a few containers' scratch

Failure lacking(const std::string& what) { return Error(what, 0); }

std::string release() {
  utsname name{};
  uname(&name);
  return name.release;
}

// The first directory above `path`, or itself, that is there: a new one is made on its file system.
std::string existing(std::string path) {
  while (!kernel::exists(path)) path.resize(std::max<std::size_t>(path.find_last_of('/'), 1));
  return path;
}

// Linux 5.12 has mount_setattr(2), the newest call that the lessons cannot do without.
Failure old_kernel() {
  int major = 0;
  int minor = 0;
  std::sscanf(release().c_str(), "%d.%d", &major, &minor);
  if (major > 5 || (major == 5 && minor >= 12)) return std::nullopt;
  return lacking("the lessons need Linux 5.12");
}

// WSL's kernels say so in their release; "microsoft-standard-WSL2" is version 2, "Microsoft" is version 1.
Failure first_wsl() {
  if (release().find("Microsoft") == std::string::npos) return std::nullopt;
  return lacking("WSL 1 is no Linux kernel");
}

// The first pid namespace has this inode number (PROC_PID_INIT_INO in the kernel's include/linux/proc_ns.h).
Failure inside_container() {
  constexpr ino_t first = 0xEFFFFFFC;
  struct stat mine {};
  if (stat("/proc/self/ns/pid", &mine) == 0 && mine.st_ino == first) return std::nullopt;
  return lacking("this is inside a container, which may be allowed less than its host");
}

Failure run_root_not_in_memory(const std::string& run_root) {
  const std::string directory = existing(run_root);
  struct statfs found {};
  if (statfs(directory.c_str(), &found) != 0) return Error("statfs " + directory, errno);
  const auto free = static_cast<std::uint64_t>(found.f_bavail) * static_cast<std::uint64_t>(found.f_bsize);
  if (found.f_type != TMPFS_MAGIC) return lacking(directory + " is not a tmpfs: starts take longer");
  if (free >= kLeastMemory) return std::nullopt;
  return lacking(fmt::format("{} has {} MiB left", directory, free >> 20U));
}

void look_at_machine(std::vector<Finding>& found) {
  found.push_back(
      {"Linux " + release(), "all", old_kernel(), "apt-get install linux-image-amd64 (or a newer release)"});
  found.push_back({"not WSL 1", "all", first_wsl(), "wsl --set-version DISTRIBUTION 2"});
  found.push_back({"not inside a container", "all", inside_container(),
                   "docker run --privileged, if something below is missing", false});
}

// An ordinary user makes the other namespaces in a user namespace of its own.
std::uint64_t own_user_namespace() { return launch::rootless() ? CLONE_NEWUSER : 0; }

void look_at_processes(std::vector<Finding>& found) {
  const std::string container = "run it on the host, or in a container with --privileged";
  const std::uint64_t user = own_user_namespace();
  found.push_back({"clone3", "01-process", kernel::probe(0), container});
  found.push_back({"namespaces: mount", "02-chroot", kernel::probe(user | CLONE_NEWNS), container});
  found.push_back({"namespaces: pid, uts, ipc, cgroup, net", "03-namespaces",
                   kernel::probe(user | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWNET),
                   container});
  found.push_back({"namespaces: time", "03-namespaces", kernel::probe(user | CLONE_NEWTIME),
                   "a kernel with CONFIG_TIME_NS (Linux 5.6)"});
  found.push_back({"seccomp", "08-confine", kernel::probe_seccomp(), "a kernel with CONFIG_SECCOMP_FILTER", false});
}

void look_at_cgroups(std::vector<Finding>& found) {
  for (const char* controller : {"memory", "cpu", "cpuset", "pids", "io"}) {
    found.push_back({fmt::format("cgroup: {}", controller), "04-cgroups", kernel::probe_cgroup(controller),
                     "mount -t cgroup2 cgroup2 /sys/fs/cgroup"});
  }
  found.push_back({"cgroup: born inside (CLONE_INTO_CGROUP)", "04-cgroups", kernel::probe_clone_into_cgroup(),
                   "boot with systemd.unified_cgroup_hierarchy=1; until then cgroup v1 serves", false});
}

void look_at_files(std::vector<Finding>& found, const engine::Roots& roots) {
  const std::string overlay =
      "modprobe overlay; or the data on ext4, xfs, btrfs or tmpfs: export CORACLE_ROOT=DIRECTORY";
  found.push_back(
      {"openat2", "05-layers", kernel::probe_openat2(), "a newer kernel, or a container runtime that knows openat2"});
  found.push_back(
      {"run root in memory", "05-layers", run_root_not_in_memory(roots.run), "mount -t tmpfs tmpfs " + roots.run});
  found.push_back({"mounts by descriptor", "07-volumes", kernel::probe_mount_api(own_user_namespace()), "Linux 5.12"});
  if (launch::rootless()) return;  // what of overlayfs is the user's is in look_at_rootless()
  found.push_back(
      {"overlay on " + existing(roots.data), "05-layers", kernel::probe_overlay(existing(roots.data)), overlay});
  found.push_back(
      {"overlay on " + existing(roots.run), "05-layers", kernel::probe_overlay(existing(roots.run)), overlay});
  found.push_back({"overlay on overlay", "05-layers", kernel::probe_overlay_on_overlay(),
                   "a scratch directory that is not on overlay (lessons/05-layers, \"Layers on layers\")", false});
}

void look_at_network(std::vector<Finding>& found) {
  found.push_back(
      {"bridge, veth", "06-network", kernel::probe_bridge(), "modprobe -a bridge veth; on WSL: wsl --update"});
  found.push_back({"nftables", "06-network", kernel::probe_nftables(kRuleset),
                   "apt-get install nftables; modprobe -a nf_tables nft_chain_nat nft_fib_ipv4"});
  found.push_back({"forwarding", "06-network", kernel::probe_forwarding(),
                   "mount -o remount,rw /proc/sys; inside a container: --privileged"});
}

void print(const Finding& finding) {
  fmt::print("{:7}  {:42}  {}\n", finding.failure ? "missing" : "ok", finding.what, finding.lesson);
  if (!finding.failure) return;
  const Error& error = *finding.failure;
  fmt::print("         {}{}{}\n", error.attempt(), error.code() != 0 ? ": " : "",
             error.code() != 0 ? kernel::errno_text(error.code()) : "");
  fmt::print("         mend: {}\n", finding.mend);
}

}  // namespace

int doctor(const Door& door, std::vector<std::string> words) {
  Options options("doctor", "", "Say what this host can do, and how to mend what it cannot");
  if (!options.read(words)) return 0;
  std::vector<Finding> found;
  look_at_machine(found);
  look_at_processes(found);
  if (!launch::rootless()) look_at_cgroups(found);
  look_at_files(found, door.roots);
  if (!launch::rootless()) look_at_network(found);
  look_at_rootless(found);
  for (const Finding& finding : found) print(finding);
  const auto bad = std::count_if(found.begin(), found.end(),
                                 [](const Finding& finding) { return finding.failure && finding.needed; });
  const char* whom = launch::rootless() ? " of an ordinary user" : "";
  if (bad == 0) fmt::print("\nEverything that lessons 1 to 7{} need is there.\n", whom);
  if (bad != 0) fmt::print("\n{} missing of what lessons 1 to 7{} need.\n", bad, whom);
  if (launch::rootless())
    fmt::print("Bridges, firewall rules and cgroups of the host are root's: sudo coracle doctor\n");
  return bad == 0 ? 0 : 1;
}

}  // namespace coracle::cli
