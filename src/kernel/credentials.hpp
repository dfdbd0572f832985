// Who a process is and what it can become: credentials(7), setgroups(2), setresuid(2), PR_SET_KEEPCAPS and
// PR_SET_NO_NEW_PRIVS in prctl(2).
#pragma once

#include <vector>

#include <sys/types.h>

namespace coracle::kernel {

void setgroups(const std::vector<gid_t>& groups);
void setresgid(gid_t gid);  // real, effective and saved
void setresuid(uid_t uid);

// From now on a change from root to another user keeps the permitted capabilities, until the next execve.
void keep_capabilities();

// From now on no execve gives more privileges: no set-user-ID, no capabilities of files.
void set_no_new_privileges();

}  // namespace coracle::kernel
