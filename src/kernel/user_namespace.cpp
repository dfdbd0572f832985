#include "kernel/user_namespace.hpp"

#include <linux/sched.h>
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
    const std::string directory = fmt::format("/proc/{}/", holder.pid);
    write_file(directory + "uid_map", id_map_text(uids));
    write_file(directory + "gid_map", id_map_text(gids));
    Fd user_namespace = open(directory + "ns/user", O_RDONLY);
    end();
    return user_namespace;
  } catch (const Error&) {
    end();
    throw;
  }
}

}  // namespace coracle::kernel
