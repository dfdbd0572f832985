#include "kernel/user_namespace.hpp"

#include <grp.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kernel/process.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {

std::string id_map_text(const std::vector<IdMapping>& mappings) {
  std::string text;
  for (const IdMapping& mapping : mappings)
    text += fmt::format("{} {} {}\n", mapping.container, mapping.host, mapping.size);
  return text;
}

void write_id_maps(pid_t pid, const std::vector<IdMapping>& uids, const std::vector<IdMapping>& gids) {
  write_file(fmt::format("/proc/{}/uid_map", pid), id_map_text(uids));
  write_file(fmt::format("/proc/{}/gid_map", pid), id_map_text(gids));
}

void become_root_here() {
  // Where /proc/PID/setgroups says "deny" the groups stay; they count as nobody's in here.
  if (note_call([] { return setgroups(0, nullptr); }, "setgroups") < 0 && errno != EPERM)
    throw Error("setgroups", errno);
  attempt([] { return setresgid(0, 0, 0); }, "setresgid 0");
  attempt([] { return setresuid(0, 0, 0); }, "setresuid 0");
  // A change of ids makes us undumpable, and then our files in /proc belong to the host's root (proc(5)).
  attempt([] { return prctl(PR_SET_DUMPABLE, 1); }, "prctl PR_SET_DUMPABLE 1");
}

Fd make_user_namespace(const std::vector<IdMapping>& uids, const std::vector<IdMapping>& gids) {
  // A namespace is made with a process in it; the descriptor keeps it when that process has ended.
  const Child holder = clone3(CLONE_NEWUSER);
  if (holder.pid == 0) {
    die_with_parent();
    while (true) pause();
  }
  const auto end = [&] {
    send_signal(holder.pidfd, SIGKILL);
    wait(holder.pidfd);
  };
  try {
    write_id_maps(holder.pid, uids, gids);
    Fd user_namespace = open(fmt::format("/proc/{}/ns/user", holder.pid), O_RDONLY);
    end();
    return user_namespace;
  } catch (const Error&) {
    end();
    throw;
  }
}

}  // namespace coracle::kernel
