// coracle-oci features: what this runtime can do (runtime-spec features.md, features-linux.md).
#include <cstdio>

#include "kernel/capability.hpp"
#include "kernel/error.hpp"
#include "oci/oci.hpp"

namespace coracle::oci {
namespace {

using nlohmann::ordered_json;

ordered_json capabilities() {
  ordered_json names = ordered_json::array();
  for (int number = 0; number < 64; ++number) {
    if ((kernel::known_capabilities() >> static_cast<unsigned>(number) & 1U) != 0)
      names.push_back(kernel::capability_name(number));
  }
  return names;
}

ordered_json seccomp() {
  return {{"enabled", true},
          {"actions",
           {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
            "SCMP_ACT_LOG", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"}},
          {"operators",
           {"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ",
            "SCMP_CMP_NE"}}};
}

ordered_json linux_features() {
  const ordered_json no = {{"enabled", false}};
  const ordered_json yes = {{"enabled", true}};
  return {{"namespaces", {"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"}},
          {"capabilities", capabilities()},
          {"cgroup", {{"v1", true}, {"v2", true}, {"systemd", false}, {"systemdUser", false}, {"rdma", true}}},
          {"seccomp", seccomp()},
          {"apparmor", no},
          {"selinux", no},
          {"intelRdt", no},
          {"mountExtensions", {{"idmap", yes}}}};
}

}  // namespace

int features(const Door&, Words words) {
  Options options("features", "", "Print what this runtime can do as JSON.");
  if (!options.read(words)) return 0;
  if (!words.empty()) throw kernel::Error("read the command line", 0, "\"" + words[0] + "\" is one word too many");
  const ordered_json features = {
      {"ociVersionMin", "1.0.0"},
      {"ociVersionMax", kSpecVersion},
      {"hooks", {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}},
      {"mountOptions", parts::known_mount_options()},
      {"linux", linux_features()},
      {"annotations", {{"org.coracle.version", kVersion}}},
  };
  std::puts(features.dump(2).c_str());
  return 0;
}

}  // namespace coracle::oci
