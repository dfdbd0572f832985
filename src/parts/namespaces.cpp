#include "parts/namespaces.hpp"

#include <algorithm>
#include <ctime>
#include <memory>

#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "kernel/mount.hpp"
#include "kernel/namespace.hpp"
#include "kernel/own_user_namespace.hpp"
#include "kernel/recorder.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

class Namespaces final : public Part {
 public:
  explicit Namespaces(NamespaceOptions options) : options_(std::move(options)) {
    for (const auto& existing : options_.existing) own(existing.flag) = false;
  }

  Stage stage() const override { return Stage::namespaces; }
  const char* name() const override { return "namespaces"; }

  void prepare(Context& context) override {
    if (!options_.hostname.empty() && !options_.uts && !is_existing(CLONE_NEWUTS)) {
      throw Error("set the host name " + options_.hostname, 0,
                  "without a UTS namespace it would be the host's own name");
    }
    if (shifts_clock()) shift_clock();
    context.clone_flags |= flags();
    for (const auto& existing : options_.existing) context.existing |= existing.flag;
    if (!options_.existing.empty()) context.between.emplace_back(enter_existing());
  }

  // The maps of a user namespace are written from outside of it.
  void adopt(Context& context) override {
    if (options_.user) kernel::write_id_maps(context.pid, options_.uid_mappings, options_.gid_mappings);
  }

  void enter(Context&) override {
    if (options_.user || is_existing(CLONE_NEWUSER)) kernel::become_root_here();
    // CLONE_NEWCGROUP is not among the flags of the clone: the namespace's root is the cgroup its maker is in
    // (cgroup_namespaces(7)), and the child is only now in its own.
    if (options_.cgroup) kernel::unshare(CLONE_NEWCGROUP);
    // A new mount namespace is a copy whose mounts still pass events on to the host's (mount_namespaces(7)).
    if (options_.mount) kernel::set_propagation("/", options_.propagation);
    if (options_.network) kernel::set_loopback_up();
    if (!options_.hostname.empty()) kernel::sethostname(options_.hostname);
    if (!options_.domainname.empty()) kernel::setdomainname(options_.domainname);
  }

  // All namespaces in which the process is elsewhere than we are, whoever made them. Root may enter once more in which
  // it is already, and does so to be fast, unless a kernel may not have them.
  void join(Context& context) override {
    constexpr std::uint64_t kToCompare = CLONE_NEWUSER | CLONE_NEWTIME | CLONE_NEWCGROUP;
    const bool compares_all = !kernel::in_first_user_namespace();
    context.joined = kernel::different_namespaces(context.pid, compares_all ? kernel::kAllNamespaces : kToCompare);
    if (compares_all) return;
    constexpr std::uint64_t kOthers = kernel::kAllNamespaces & ~kToCompare;
    const bool owns_them = (context.joined & CLONE_NEWUSER) == 0;
    context.joined |= owns_them ? kOthers : kernel::different_namespaces(context.pid, kOthers);
  }

 private:
  bool& own(std::uint64_t flag) {
    switch (flag) {
      case CLONE_NEWUSER:
        return options_.user;
      case CLONE_NEWNS:
        return options_.mount;
      case CLONE_NEWPID:
        return options_.pid;
      case CLONE_NEWUTS:
        return options_.uts;
      case CLONE_NEWIPC:
        return options_.ipc;
      case CLONE_NEWNET:
        return options_.network;
      case CLONE_NEWTIME:
        return options_.time;
      case CLONE_NEWCGROUP:
        return options_.cgroup;
      default:
        throw Error(fmt::format("enter a namespace of the kind {:#x}", flag), EINVAL);
    }
  }

  // The container's root becomes that of the whole mount namespace: it must not be the one that everybody is in.
  void refuse_own_mounts() const {
    const auto number = [](const std::string& path) {
      struct stat status {};
      kernel::attempt([&] { return stat(path.c_str(), &status); }, "stat {}", path);
      return status.st_ino;
    };
    for (const auto& existing : options_.existing) {
      if (existing.flag == CLONE_NEWNS && number(existing.path) == number("/proc/self/ns/mnt"))
        throw Error("enter the mount namespace " + existing.path, EBUSY, "it is our own, whose root must stay");
    }
  }

  bool is_existing(std::uint64_t flag) const {
    return std::any_of(options_.existing.begin(), options_.existing.end(),
                       [&](const auto& existing) { return existing.flag == flag; });
  }

  std::uint64_t flags() const {
    std::uint64_t flags = 0;
    if (options_.user) flags |= CLONE_NEWUSER;
    if (options_.mount) flags |= CLONE_NEWNS;
    if (options_.pid) flags |= CLONE_NEWPID;
    if (options_.uts) flags |= CLONE_NEWUTS;
    if (options_.ipc) flags |= CLONE_NEWIPC;
    if (options_.network) flags |= CLONE_NEWNET;
    if (options_.time && !shifts_clock()) flags |= CLONE_NEWTIME;
    return flags;
  }

  // An existing user namespace comes first, because it may own the others; a new one comes with the clone, after
  // them, because it would have no power over them (user_namespaces(7), "Interaction ... with other types").
  std::function<void()> enter_existing() const {
    if (is_existing(CLONE_NEWNS)) refuse_own_mounts();
    struct Entrance {
      Fd fd;
      std::uint64_t flag;
    };
    const auto entrances = std::make_shared<std::vector<Entrance>>();
    for (const auto& existing : options_.existing) {
      entrances->push_back({kernel::open_namespace(existing.path, existing.flag), existing.flag});
    }
    std::stable_partition(entrances->begin(), entrances->end(),
                          [](const Entrance& entrance) { return entrance.flag == CLONE_NEWUSER; });
    return [entrances] {
      for (const Entrance& entrance : *entrances) kernel::setns(entrance.fd, entrance.flag);
    };
  }

  // The offsets of a time namespace can only be set while it is empty (time_namespaces(7)). clone3 would fill it at
  // once; unshare makes it for the children to come and leaves us where we are.
  bool shifts_clock() const { return options_.uptime || !options_.clock_offsets.empty(); }

  void shift_clock() const {
    std::string offsets;
    if (options_.uptime) {
      timespec now{};
      clock_gettime(CLOCK_BOOTTIME, &now);
      offsets = fmt::format("monotonic {0} 0\nboottime {0} 0\n", *options_.uptime - now.tv_sec);
    }
    for (const auto& offset : options_.clock_offsets)
      offsets += fmt::format("{} {} {}\n", offset.clock, offset.seconds, offset.nanoseconds);
    kernel::unshare(CLONE_NEWTIME);
    kernel::write_file("/proc/self/timens_offsets", offsets);
  }

  NamespaceOptions options_;
};

}  // namespace

std::unique_ptr<Part> make_namespaces(NamespaceOptions options) {
  return std::make_unique<Namespaces>(std::move(options));
}

}  // namespace coracle::parts
