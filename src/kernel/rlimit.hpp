// Limits of a process on itself: getrlimit(2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace coracle::kernel {

// RLIMIT_* of a name in docker's words ("nofile") or the runtime-spec's ("RLIMIT_NOFILE"). Nothing when there is none.
std::optional<int> rlimit_number(const std::string& name);

// "RLIMIT_NOFILE".
std::string rlimit_name(int resource);

// Sets both limits of this process; RLIM_INFINITY is no limit. To raise the hard one needs CAP_SYS_RESOURCE.
void setrlimit(int resource, std::uint64_t soft, std::uint64_t hard);

}  // namespace coracle::kernel
