#include "cli/doctor.hpp"

#include <cstdlib>

#include <fmt/format.h>

#include "kernel/fd.hpp"
#include "kernel/own_user_namespace.hpp"
#include "launch/rootless.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;
using kernel::Failure;

constexpr const char* kLesson = "without root";

Failure lacking(const std::string& what) { return Error(what, 0); }

// The user who asks; 0 when it is root for nobody else.
uid_t asking_uid() {
  if (launch::rootless()) return launch::host_uid();
  const char* sudo = std::getenv("SUDO_UID");
  return sudo != nullptr ? static_cast<uid_t>(std::strtoul(sudo, nullptr, 10)) : 0;
}

std::string user_namespace_mend() {
  const std::string forbidden = kernel::user_namespace_switch();
  if (!forbidden.empty()) return forbidden;
  return "a kernel with CONFIG_USER_NS; inside a container: --security-opt seccomp=unconfined";
}

Failure no_map_writers() {
  for (const char* program : {"newuidmap", "newgidmap"}) {
    if (const auto reason = kernel::why_no_map_writer(program)) return lacking(*reason);
  }
  return std::nullopt;
}

Failure no_ids(uid_t uid, const std::string& name) {
  for (const char* file : {"/etc/subuid", "/etc/subgid"}) {
    std::uint64_t count = 0;
    for (const kernel::IdMapping& range : kernel::subordinate_ids(file, uid, name)) count += range.size;
    // Debian's nobody and nogroup are 65534, and images have files of theirs.
    if (count < 65535)
      return lacking(fmt::format("{} gives {} {} ids of its own; images use up to 65536", file, name, count));
  }
  return std::nullopt;
}

Failure no_pasta() {
  const std::string path = kernel::find_program("pasta");
  return path.empty() ? lacking("there is no program pasta") : std::nullopt;
}

// systemd gives a user's processes a group with the controllers that Delegate= names (systemd.resource-control(5)).
Failure not_delegated(uid_t uid) {
  const std::string group = fmt::format("/sys/fs/cgroup/user.slice/user-{0}.slice/user@{0}.service", uid);
  if (!kernel::exists(group + "/cgroup.controllers"))
    return lacking(group + " is not there: a session of systemd on cgroup version 2 has it");
  const std::string controllers = " " + kernel::read_file(group + "/cgroup.controllers");
  for (const char* controller : {"cpu", "memory", "pids"}) {
    if (controllers.find(std::string(" ") + controller) == std::string::npos)
      return lacking(fmt::format("{} has no controller {}", group, controller));
  }
  return std::nullopt;
}

}  // namespace

void look_at_rootless(std::vector<Finding>& found) {
  const bool needed = launch::rootless();
  found.push_back({"user namespaces", kLesson, kernel::probe_user_namespace(), user_namespace_mend(), needed});
  found.push_back({"newuidmap, newgidmap", kLesson, no_map_writers(),
                   "apt-get install uidmap; chmod u+s /usr/bin/newuidmap /usr/bin/newgidmap", false});
  found.push_back({"overlay in a user namespace", kLesson, kernel::probe_user_overlay(),
                   "Linux 5.11; on a tmpfs Linux 6.6", needed});
  found.push_back({"pasta", kLesson, no_pasta(), "apt-get install passt; without it --net none and --net host", false});
  found.push_back({"/dev/net/tun for everybody", kLesson, kernel::probe_tun(), "chmod 0666 /dev/net/tun", false});
  const uid_t uid = asking_uid();
  if (uid == 0) return;
  const std::string name = launch::user_name(uid);
  found.push_back({"ids in /etc/subuid and /etc/subgid", kLesson, no_ids(uid, name),
                   fmt::format("usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {}", name), false});
  found.push_back({"cgroups delegated to the user", kLesson, not_delegated(uid),
                   "systemctl edit user@.service: [Service] Delegate=cpu cpuset io memory pids; then log in again",
                   false});
}

}  // namespace coracle::cli
