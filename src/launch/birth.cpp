#include "launch/birth.hpp"

#include <utility>

#include <linux/sched.h>

#include "kernel/clone_joined.hpp"
#include "kernel/namespace.hpp"
#include "kernel/user_namespace.hpp"

namespace coracle::launch {
namespace {

using parts::Context;

// A process that borrows memory enters no time namespace, and from within a cgroup namespace no group outside of it can
// be reached (cgroups(7), "nsdelegate").
constexpr std::uint64_t kEnteredLast = CLONE_NEWTIME | CLONE_NEWCGROUP;

#ifdef __SANITIZE_ADDRESS__
constexpr bool kMayBorrow = false;  // AddressSanitizer knows one stack of a process, and warns of any other
#else
constexpr bool kMayBorrow = true;
#endif

void take_steps(const Context& context) {
  for (const auto& step : context.between) step();
}

// What the process between us and the child does, when that is more than to enter namespaces.
void enter(const Context& context, std::uint64_t namespaces) {
  kernel::set_undumpable();
  if (namespaces != 0) kernel::setns(*context.pidfd, namespaces);
  if ((namespaces & CLONE_NEWUSER) != 0) kernel::become_root_here();
  take_steps(context);
  kernel::set_undumpable();  // who became another user inside is so no more
}

}  // namespace

kernel::Child clone(const Context& context) {
  const std::uint64_t flags = context.clone_flags & ~context.existing;
  if (context.between.empty()) return kernel::clone3(flags, context.cgroup_fd);
  return kernel::clone3_between([&] { take_steps(context); }, flags, context.cgroup_fd);
}

kernel::Child clone_joined(Context& context, const std::function<void()>& life) {
  const std::uint64_t joined = context.joined;
  if (kMayBorrow && context.between.empty() && (joined & CLONE_NEWUSER) == 0) {
    context.joined &= kEnteredLast;
    kernel::set_undumpable();  // the child as well (CVE-2016-9962)
    return kernel::clone_joined(*context.pidfd, joined & ~kEnteredLast, context.cgroup_fd, life);
  }
  context.joined = 0;
  kernel::Child child = kernel::clone3_between([&] { enter(context, joined); }, 0, context.cgroup_fd);
  if (child.pid == 0) life();
  return child;
}

}  // namespace coracle::launch
