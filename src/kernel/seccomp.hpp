// Filters of system calls: seccomp(2).
#pragma once

#include <string>
#include <vector>

#include <linux/filter.h>

namespace coracle::kernel {

using FilterProgram = std::vector<sock_filter>;

// Loads the filter for this thread and all that come from it; nothing takes it back. Needs CAP_SYS_ADMIN, or
// no_new_privs. `flags` are SECCOMP_FILTER_FLAG_*.
void seccomp_set_filter(const FilterProgram& program, unsigned flags = 0);

}  // namespace coracle::kernel
