#include "kernel/credentials.hpp"

#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <fmt/ranges.h>

#include "kernel/recorder.hpp"

namespace coracle::kernel {

void setgroups(const std::vector<gid_t>& groups) {
  attempt([&] { return ::setgroups(groups.size(), groups.data()); }, "setgroups {}", fmt::join(groups, ","));
}

void setresgid(gid_t gid) {
  attempt([&] { return ::setresgid(gid, gid, gid); }, "setresgid {}", gid);
}

void setresuid(uid_t uid) {
  attempt([&] { return ::setresuid(uid, uid, uid); }, "setresuid {}", uid);
}

void keep_capabilities() {
  attempt([] { return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0); }, "prctl PR_SET_KEEPCAPS 1");
}

void set_no_new_privileges() {
  attempt([] { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }, "prctl PR_SET_NO_NEW_PRIVS 1");
}

}  // namespace coracle::kernel
