// The words of a seccomp profile as libseccomp's numbers. Each throws Error for a word that it does not know.
#pragma once

#include <string>

#include <seccomp.h>

#include "parts/confine/seccomp.hpp"

namespace coracle::parts {

// An action, and the errno that goes with it. The value is what the filter returns too (SECCOMP_RET_*).
std::uint32_t seccomp_action(const std::string& name, std::optional<unsigned> errno_ret);

// The machine's own first, then those of the profile, each once.
std::vector<std::uint32_t> seccomp_architectures(const SeccompProfile& profile);

unsigned seccomp_flags(const std::vector<std::string>& names);

scmp_arg_cmp seccomp_comparison(const SeccompArg& arg);

}  // namespace coracle::parts
