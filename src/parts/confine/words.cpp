// Docker's words for what a container may do.
#include <algorithm>
#include <charconv>

#include <sys/resource.h>

#include "kernel/error.hpp"
#include "kernel/rlimit.hpp"
#include "parts/confine.hpp"
#include "parts/confine/masks.hpp"

namespace coracle::parts {
namespace {

using kernel::Capabilities;
using kernel::Error;
using Words = std::vector<std::string>;

// CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE
// SETFCAP (moby: daemon/pkg/oci/caps/defaults.go).
constexpr Capabilities kDockerDefault = 0xa80425fb;

bool is_all(const std::string& word) { return word == "ALL" || word == "all" || word == "CAP_ALL"; }

Capabilities set_of(const char* option, const Words& words) {
  Capabilities set = 0;
  for (const std::string& word : words) {
    if (is_all(word)) continue;
    const std::optional<int> number = kernel::capability_number(word);
    if (!number) {
      throw Error("read the option --" + std::string(option) + " " + word, 0,
                  "there is no such capability; see capabilities(7), or take ALL");
    }
    set |= Capabilities{1} << static_cast<unsigned>(*number);
  }
  return set;
}

bool has_all(const Words& words) { return std::any_of(words.begin(), words.end(), is_all); }

CapabilityOptions options_of(Capabilities set, Capabilities demanded) {
  return {.bounding = set, .permitted = set, .effective = set, .demanded = demanded};
}

std::uint64_t parse_limit(const std::string& text, std::string_view word) {
  if (word == "-1" || word == "unlimited") return RLIM_INFINITY;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size() || word.empty())
    throw Error("read the option --ulimit " + text, 0, "a limit is a number, or -1 for none: nofile=1024:4096");
  return number;
}

}  // namespace

// As moby's caps.TweakCapabilities has it: adding ALL leaves the dropped ones out, dropping ALL leaves the added ones.
CapabilityOptions docker_capabilities(const Words& add, const Words& drop) {
  const Capabilities added = set_of("cap-add", add);
  const Capabilities dropped = set_of("cap-drop", drop);
  if (has_all(add)) return options_of(kernel::known_capabilities() & ~dropped, added & ~dropped);
  if (has_all(drop)) return options_of(added, added);
  return options_of((kDockerDefault & ~dropped) | added, added);
}

CapabilityOptions all_capabilities() { return options_of(kernel::known_capabilities(), 0); }

ConfineOptions docker_confinement() {
  ConfineOptions options;
  options.capabilities = docker_capabilities({}, {});
  options.seccomp = DockerProfile{};
  options.masked_paths = docker_masked_paths();
  options.readonly_paths = docker_readonly_paths();
  return options;
}

Rlimit parse_ulimit(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  const std::optional<int> resource = kernel::rlimit_number(name);
  if (equals == std::string::npos || !resource) {
    throw Error(
        "read the option --ulimit " + text, 0,
        "it is written NAME=SOFT[:HARD], with a NAME of core, cpu, data, fsize, locks, memlock, msgqueue, nice, "
        "nofile, nproc, rss, rtprio, rttime, sigpending or stack");
  }
  const std::string_view limits = std::string_view(text).substr(equals + 1);
  const std::size_t colon = limits.find(':');
  const std::uint64_t soft = parse_limit(text, limits.substr(0, colon));
  const std::uint64_t hard = colon == std::string_view::npos ? soft : parse_limit(text, limits.substr(colon + 1));
  if (soft > hard) throw Error("read the option --ulimit " + text, 0, "the soft limit may not be above the hard one");
  return {*resource, soft, hard};
}

Sysctl parse_sysctl(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    throw Error("read the option --sysctl " + text, 0, "it is written NAME=VALUE: net.ipv4.ip_forward=1");
  return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace coracle::parts
