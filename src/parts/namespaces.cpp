#include "parts/namespaces.hpp"

#include <ctime>

#include <linux/sched.h>
#include <sys/mount.h>

#include "kernel/mount.hpp"
#include "kernel/namespace.hpp"
#include "kernel/recorder.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;

class Namespaces final : public Part {
 public:
  explicit Namespaces(NamespaceOptions options) : options_(std::move(options)) {}

  Stage stage() const override { return Stage::namespaces; }
  const char* name() const override { return "namespaces"; }

  void prepare(Context& context) override {
    if (!options_.hostname.empty() && !options_.uts) {
      throw Error("set the host name " + options_.hostname, 0,
                  "without a UTS namespace it would be the host's own name");
    }
    if (options_.uptime) shift_clock(*options_.uptime);
    context.clone_flags |= flags();
  }

  void enter(Context&) override {
    // CLONE_NEWCGROUP is not among the flags of the clone: the namespace's root is the cgroup its maker is in
    // (cgroup_namespaces(7)), and the child is only now in its own.
    if (options_.cgroup) kernel::unshare(CLONE_NEWCGROUP);
    // A new mount namespace is a copy whose mounts still pass events on to the host's (mount_namespaces(7)).
    if (options_.mount) kernel::set_propagation("/", MS_PRIVATE);
    if (options_.network) kernel::set_loopback_up();
    if (!options_.hostname.empty()) kernel::sethostname(options_.hostname);
  }

  // The namespaces of a process are entered together, through its pidfd; as for the pid namespace, it is our next
  // child that lives in it (setns(2)).
  void join(Context& context) override {
    kernel::setns(*context.pidfd, flags() | (options_.cgroup ? CLONE_NEWCGROUP : 0U));
  }

 private:
  std::uint64_t flags() const {
    std::uint64_t flags = 0;
    if (options_.mount) flags |= CLONE_NEWNS;
    if (options_.pid) flags |= CLONE_NEWPID;
    if (options_.uts) flags |= CLONE_NEWUTS;
    if (options_.ipc) flags |= CLONE_NEWIPC;
    if (options_.network) flags |= CLONE_NEWNET;
    if (options_.time && !options_.uptime) flags |= CLONE_NEWTIME;
    return flags;
  }

  // The offsets of a time namespace can only be set while it is empty (time_namespaces(7)). clone3 would fill it at
  // once; unshare makes it for the children to come and leaves us where we are.
  static void shift_clock(long uptime) {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    kernel::unshare(CLONE_NEWTIME);
    const long offset = uptime - now.tv_sec;
    kernel::write_file("/proc/self/timens_offsets", fmt::format("monotonic {0} 0\nboottime {0} 0", offset));
  }

  NamespaceOptions options_;
};

}  // namespace

std::unique_ptr<Part> make_namespaces(NamespaceOptions options) {
  return std::make_unique<Namespaces>(std::move(options));
}

}  // namespace coracle::parts
