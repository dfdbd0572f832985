#include "parts/confine/seccomp_words.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>

#include <linux/seccomp.h>

#include "kernel/error.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;

template <typename Value>
struct Word {
  const char* name;
  Value value;
};

constexpr Word<std::uint32_t> kActions[] = {
    {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
    {"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)},
    {"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
    {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
    {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
    {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
    {"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)},
    {"SCMP_ACT_LOG", SCMP_ACT_LOG},
};

constexpr Word<scmp_compare> kComparisons[] = {
    {"SCMP_CMP_NE", SCMP_CMP_NE},
    {"SCMP_CMP_LT", SCMP_CMP_LT},
    {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ},
    {"SCMP_CMP_GE", SCMP_CMP_GE},
    {"SCMP_CMP_GT", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

constexpr Word<unsigned> kFlags[] = {
    {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
};

template <typename Words>
auto value_of(const Words& words, const std::string& what, const std::string& name) {
  for (const auto& word : words) {
    if (name == word.name) return word.value;
  }
  std::string known;
  for (const auto& word : words) known += (known.empty() ? "" : ", ") + std::string(word.name);
  throw Error("read the seccomp profile: " + what + " \"" + name + "\"", 0, "known are " + known);
}

}  // namespace

std::uint32_t seccomp_action(const std::string& name, std::optional<unsigned> errno_ret) {
  if (name == "SCMP_ACT_NOTIFY") {
    throw Error("read the seccomp profile: action \"SCMP_ACT_NOTIFY\"", ENOTSUP,
                "that needs a listener outside of the container (listenerPath), which coracle does not serve");
  }
  const std::uint32_t action = value_of(kActions, "action", name);
  if (action != SCMP_ACT_ERRNO(0) && action != SCMP_ACT_TRACE(0)) {
    if (errno_ret) throw Error("read the seccomp profile: errnoRet with the action " + name, 0, "it takes none");
    return action;
  }
  if (errno_ret.value_or(0) > 0xffff) {
    throw Error("read the seccomp profile: errnoRet " + std::to_string(*errno_ret), ERANGE, "the most is 65535");
  }
  return action | errno_ret.value_or(EPERM);
}

std::vector<std::uint32_t> seccomp_architectures(const SeccompProfile& profile) {
  std::vector<std::uint32_t> tokens = {seccomp_arch_native()};
  for (const std::string& name : profile.architectures) {
    const std::string prefix = "SCMP_ARCH_";
    std::string bare = name.rfind(prefix, 0) == 0 ? name.substr(prefix.size()) : "";
    for (char& letter : bare) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    const std::uint32_t token = bare.empty() ? 0 : seccomp_arch_resolve_name(bare.c_str());
    if (token == 0) {
      throw Error("read the seccomp profile: architecture \"" + name + "\"", 0,
                  "libseccomp does not know it; one is written SCMP_ARCH_X86_64");
    }
    if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
  }
  return tokens;
}

unsigned seccomp_flags(const std::vector<std::string>& names) {
  unsigned flags = 0;
  for (const std::string& name : names) flags |= value_of(kFlags, "flag", name);
  return flags;
}

scmp_arg_cmp seccomp_comparison(const SeccompArg& arg) {
  if (arg.index > 5) {
    throw Error("read the seccomp profile: argument " + std::to_string(arg.index), ERANGE,
                "a system call has the arguments 0 to 5");
  }
  return {arg.index, value_of(kComparisons, "comparison", arg.op), arg.value, arg.value_two};
}

}  // namespace coracle::parts
