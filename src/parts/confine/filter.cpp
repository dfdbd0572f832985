#include "parts/confine/filter.hpp"

#include <seccomp.h>
#include <sys/utsname.h>

#include <fmt/format.h>

#include "kernel/recorder.hpp"
#include "parts/confine/filter_cache.hpp"

namespace coracle::parts {
namespace {

// x32 is a third set of system calls of x86_64 kernels. Distributions have it switched off and nothing is built for it,
// but it had faults of its own (CVE-2014-0038). Docker's default profile allows it; ours answers ENOSYS.
void forbid_x32(SeccompProfile& profile) { std::erase(profile.architectures, "SCMP_ARCH_X32"); }

kernel::Capabilities bounding_of(const ConfineOptions& options) {
  return options.capabilities ? options.capabilities->bounding : kernel::capget().permitted;
}

SeccompProfile profile_of(const ConfineOptions& options) {
  if (const auto* profile = std::get_if<SeccompProfile>(&options.seccomp)) return *profile;
  const std::string& json = std::get<DockerProfile>(options.seccomp).json;
  if (!json.empty()) return read_docker_profile(json, bounding_of(options));
  SeccompProfile profile = read_docker_profile(kDockerProfile, bounding_of(options));
  forbid_x32(profile);
  return profile;
}

// The profile as one text; two that differ have different texts.
class Text {
 public:
  void add(const std::string& word) { text += fmt::format("{}:{},", word.size(), word); }
  void add(std::uint64_t number) { text += fmt::format("{},", number); }
  void add(const std::optional<unsigned>& number) { text += number ? fmt::format("{},", *number) : "-,"; }
  void add(const SeccompArg& arg) {
    add(arg.index);
    add(arg.value);
    add(arg.value_two);
    add(arg.op);
  }
  void add(const SeccompRule& rule) {
    add(rule.names);
    add(rule.action);
    add(rule.errno_ret);
    add(rule.args);
  }
  template <typename Item>
  void add(const std::vector<Item>& items) {
    add(items.size());
    for (const Item& item : items) add(item);
  }

  std::string text;
};

std::string text_of(const SeccompProfile& profile) {
  Text text;
  text.add(profile.default_action);
  text.add(profile.default_errno_ret);
  text.add(profile.architectures);
  text.add(profile.flags);
  text.add(profile.listener_path);
  text.add(profile.syscalls);
  return text.text;
}

// All that compile() would look at.
std::string inputs_of(const ConfineOptions& options) {
  const scmp_version* version = seccomp_version();
  const std::string library = fmt::format("libseccomp {}.{}.{} on {:#x}, form 2\n", version->major, version->minor,
                                          version->micro, seccomp_arch_native());
  if (const auto* profile = std::get_if<SeccompProfile>(&options.seccomp)) return library + text_of(*profile);
  const std::string& json = std::get<DockerProfile>(options.seccomp).json;
  utsname name{};
  uname(&name);
  return fmt::format("{}docker's, with {:#x}, on Linux {}\n{}", library, bounding_of(options), name.release,
                     json.empty() ? kDockerProfileDigest : json);
}

}  // namespace

std::optional<SeccompFilter> find_filter(const ConfineOptions& options) {
  if (std::holds_alternative<std::monostate>(options.seccomp)) return std::nullopt;
  if (const auto* filter = std::get_if<SeccompFilter>(&options.seccomp)) return *filter;
  const std::string inputs = inputs_of(options);
  if (std::optional<SeccompFilter> cached = cached_filter(options.cache_dir, inputs)) return cached;
  const std::int64_t start = kernel::now();
  SeccompFilter filter = compile(profile_of(options));
  if (kernel::recording()) kernel::note("compile the seccomp filter", start, 0);
  cache_filter(options.cache_dir, inputs, filter);
  return filter;
}

}  // namespace coracle::parts
