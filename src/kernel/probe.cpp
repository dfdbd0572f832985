#include "kernel/probe.hpp"

#include <cstdlib>

#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/cgroupfs.hpp"
#include "kernel/inode.hpp"
#include "kernel/mount.hpp"
#include "kernel/namespace.hpp"
#include "kernel/own_user_namespace.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "kernel/rtnetlink.hpp"
#include "kernel/spawn.hpp"

namespace coracle::kernel {
namespace {

constexpr uid_t kNobody = 65534;

// What `deed` throws, as a value.
Failure failure_of(const std::function<void()>& deed) {
  try {
    deed();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

[[noreturn]] void be_the_child(std::uint64_t namespaces, const std::function<void()>& deed) {
  const Failure failure = failure_of([&] {
    if ((namespaces & CLONE_NEWNS) != 0) set_propagation("/", MS_PRIVATE);
    deed();
  });
  if (failure) leave_failure(*failure);
  _exit(failure ? 1 : 0);
}

// An ordinary user, when root asks.
void become_nobody() {
  if (geteuid() != 0) return;
  attempt([] { return ::setgroups(0, nullptr); }, "setgroups none");
  attempt([] { return ::setresgid(kNobody, kNobody, kNobody); }, "setresgid {}", kNobody);
  attempt([] { return ::setresuid(kNobody, kNobody, kNobody); }, "setresuid {}", kNobody);
  attempt([] { return ::prctl(PR_SET_DUMPABLE, 1); }, "prctl PR_SET_DUMPABLE 1");  // else our /proc files are root's
}

void make_overlay_directories(const std::string& directory) {
  for (const char* name : {"lower", "upper", "work", "merged"}) make_directories(directory + "/" + name);
}

void mount_overlay(const std::string& directory, const std::string& options = {}) {
  mount("overlay", directory + "/merged", "overlay", 0,
        fmt::format("lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work{1}", directory, options));
}

// The group that limits are tried on; gone at the end.
class ProbedCgroup {
 public:
  explicit ProbedCgroup(const std::string& controller)
      : group_(place_cgroup(fmt::format("/coracle-probe-{}", getpid()), {controller})) {
    group_->create();
  }
  ~ProbedCgroup() {
    failure_of([&] { group_->remove(); });
  }
  Cgroup* operator->() const { return group_.get(); }

 private:
  std::unique_ptr<Cgroup> group_;
};

}  // namespace

Failure probe(std::uint64_t namespaces, const std::function<void()>& deed) {
  return failure_of([&] {
    start_recorder(false);
    const Child child = clone3(namespaces);
    if (child.pid == 0) be_the_child(namespaces, deed);
    const Ending ending = wait(child.pidfd);
    Error error("probe", 0);
    if (take_failure(error)) throw error;
    if (ending.status() != 0) throw Error(fmt::format("probe: the child ended with status {}", ending.status()), 0);
  });
}

Failure probe_user_namespace() {
  return probe(0, [] {
    become_nobody();
    enter_user_namespace_alone();
    unshare(CLONE_NEWNS);
    mount("probe", "/tmp", "tmpfs", 0);
  });
}

Failure probe_user_overlay() {
  return probe(0, [] {
    become_nobody();
    enter_user_namespace_alone();
    unshare(CLONE_NEWNS);
    mount("probe", "/tmp", "tmpfs", 0);
    make_overlay_directories("/tmp");
    setxattr(open("/tmp/upper", O_PATH | O_DIRECTORY), "user.overlay.opaque", "y");
    mount_overlay("/tmp", ",userxattr");
  });
}

Failure probe_tun() {
  return probe(0, [] {
    become_nobody();
    open("/dev/net/tun", O_RDWR);
  });
}

Failure probe_openat2() {
  return failure_of([] { open_in_root(open("/", O_PATH), "proc", O_PATH); });
}

Failure probe_mount_api(std::uint64_t namespaces) {
  return probe(namespaces | CLONE_NEWNS, [] {
    const Fd tree = open_tree("/tmp", true);
    mount_setattr(tree, MOUNT_ATTR_RDONLY, 0, true);
    move_mount(tree, open("/tmp", O_PATH), "/tmp");
  });
}

Failure probe_overlay(const std::string& directory) {
  std::string scratch = directory + "/coracle-probe.XXXXXX";
  return failure_of([&] {
    attempt([&] { return mkdtemp(scratch.data()) != nullptr ? 0 : -1; }, "mkdtemp {}", scratch);
    make_overlay_directories(scratch);
    const Failure failure = probe(CLONE_NEWNS, [&] { mount_overlay(scratch); });
    remove_tree(scratch);
    if (failure) throw Error(*failure);
  });
}

Failure probe_overlay_on_overlay() {
  return probe(CLONE_NEWNS, [] {
    mount("probe", "/tmp", "tmpfs", 0);
    make_overlay_directories("/tmp");
    mount_overlay("/tmp");
    make_overlay_directories("/tmp/merged");
    mount_overlay("/tmp/merged");
  });
}

Failure probe_bridge() {
  return probe(CLONE_NEWNET, [] {
    NetlinkSocket route(NETLINK_ROUTE);
    const Mac mac = mac_of(0x0a000001);
    route.send({add_bridge("probe0", mac)});
    route.send({add_veth("probe1", route.link_index("probe0"), "probe2", mac, getpid())});
  });
}

Failure probe_nftables(const std::string& ruleset) {
  return probe(CLONE_NEWNET, [&] { spawn({"nft", "-f", "-"}, ruleset); });
}

Failure probe_forwarding() {
  return probe(CLONE_NEWNET, [] { write_file("/proc/sys/net/ipv4/ip_forward", "1"); });
}

Failure probe_seccomp() {
  return failure_of([] {
    std::uint32_t action = SECCOMP_RET_KILL_PROCESS;
    attempt([&] { return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action); },
            "seccomp SECCOMP_GET_ACTION_AVAIL");
  });
}

Failure probe_cgroup(const std::string& controller) {
  return failure_of([&] {
    const ProbedCgroup group(controller);
    const auto set = [&](const char* file, const char* value) {
      write_file(group->directory_of(controller) + file, value);
    };
    const bool v2 = group->version() == 2;
    if (controller == "memory") set(v2 ? "/memory.max" : "/memory.limit_in_bytes", "64M");
    if (controller == "cpu") set(v2 ? "/cpu.max" : "/cpu.cfs_quota_us", "50000");
    if (controller == "pids") set("/pids.max", "20");
  });
}

Failure probe_clone_into_cgroup() {
  return failure_of([] {
    const ProbedCgroup group("pids");
    if (group->directory() < 0) throw Error("clone3 with CLONE_INTO_CGROUP", ENOTSUP);
    const Child child = clone3(0, group->directory());
    if (child.pid == 0) _exit(0);
    wait(child.pidfd);
  });
}

}  // namespace coracle::kernel
