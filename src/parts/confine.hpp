// Part: confine. What the container's programs may do: which pieces of root's power they have, which system calls they
// may make, what they see of the host in /proc and /sys, and as whom they run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "kernel/capability.hpp"
#include "parts/confine/seccomp.hpp"
#include "parts/confine/sysctl.hpp"
#include "parts/part.hpp"

namespace coracle::parts {

// capabilities(7). What this process lacks itself it cannot give, and leaves out.
struct CapabilityOptions {
  kernel::Capabilities bounding = 0, permitted = 0, effective = 0;
  // Left empty by every door but coracle-oci, where a config.json may ask for them (CVE-2022-29162).
  kernel::Capabilities inheritable = 0, ambient = 0;
  kernel::Capabilities demanded = 0;  // an Error when this process lacks one of these
};

// A profile in docker's form, as JSON; "" is docker's default one.
struct DockerProfile {
  std::string json;
};

// What filters the system calls: nothing, a profile in one of two forms, or a filter that is compiled already.
using Seccomp = std::variant<std::monostate, DockerProfile, SeccompProfile, SeccompFilter>;

struct Rlimit {
  int resource = 0;  // RLIMIT_*
  std::uint64_t soft = 0, hard = 0;
};

struct ConfineOptions {
  std::optional<CapabilityOptions> capabilities;  // absent: they stay as they are
  bool no_new_privileges = false;
  Seccomp seccomp;
  std::string cache_dir;  // for compiled filters; "" has none
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::vector<Sysctl> sysctls;
  std::vector<Rlimit> rlimits;
  std::optional<int> oom_score_adj;
  bool new_keyring = true;
};

std::unique_ptr<Part> make_confine(ConfineOptions options);

// As docker confines a container by default: docker's 14 capabilities, masks and seccomp profile.
ConfineOptions docker_confinement();

// How the processes of the running container with this run directory are confined, for another one that joins them.
// Throws Error when its first process was not confined by this part.
ConfineOptions read_confinement(const std::string& run_dir);

// --cap-add and --cap-drop: names with or without CAP_, or ALL. Throws Error for a name that is none.
CapabilityOptions docker_capabilities(const std::vector<std::string>& add, const std::vector<std::string>& drop);

// All that the kernel has, as far as this process has them: --privileged.
CapabilityOptions all_capabilities();

// --ulimit NAME=SOFT[:HARD], with -1 for no limit.
Rlimit parse_ulimit(const std::string& text);

// --sysctl NAME=VALUE.
Sysctl parse_sysctl(const std::string& text);

}  // namespace coracle::parts
