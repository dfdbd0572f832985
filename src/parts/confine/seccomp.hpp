// What system calls a program may make: a profile in the words of the runtime-spec (config-linux.md, "Seccomp"), and
// the filter that it becomes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernel/capability.hpp"
#include "kernel/seccomp.hpp"

namespace coracle::parts {

struct SeccompArg {
  unsigned index = 0;  // of the argument, from 0 to 5
  std::uint64_t value = 0;
  std::uint64_t value_two = 0;  // SCMP_CMP_MASKED_EQ: `value` is the mask, and this what is left
  std::string op;               // SCMP_CMP_EQ, ...
};

struct SeccompRule {
  std::vector<std::string> names;
  std::string action;                 // SCMP_ACT_ALLOW, ...
  std::optional<unsigned> errno_ret;  // of SCMP_ACT_ERRNO and SCMP_ACT_TRACE; EPERM when it is not there
  std::vector<SeccompArg> args;       // all must hold; of those with the same index, one
};

// linux.seccomp of config.json.
struct SeccompProfile {
  std::string default_action;
  std::optional<unsigned> default_errno_ret;
  std::vector<std::string> architectures;  // SCMP_ARCH_X86_64, ...; the machine's own is always among them
  std::vector<std::string> flags;          // SECCOMP_FILTER_FLAG_LOG, ...
  std::string listener_path;               // refused: there is nobody here who could hand the listener over
  std::vector<SeccompRule> syscalls;
};

// What seccomp(2) is given.
struct SeccompFilter {
  kernel::FilterProgram program;
  unsigned flags = 0;
};

// Throws Error with the word of the profile that is wrong. Takes tens of milliseconds.
SeccompFilter compile(const SeccompProfile& profile);

// The same by libseccomp alone, for the tests to compare with: it takes the kernel longer to load.
SeccompFilter compile_plainly(const SeccompProfile& profile);

// A profile of docker's: JSON in which rules hold for some capabilities, machines and kernels. Throws Error with the
// place in the text that is wrong.
SeccompProfile read_docker_profile(const std::string& json, kernel::Capabilities bounding);

// Docker's default one (docker-default.json, https://github.com/moby/profiles at cd3bed8, Apache-2.0), and its SHA-256.
extern const char* const kDockerProfile;
extern const char* const kDockerProfileDigest;

}  // namespace coracle::parts
