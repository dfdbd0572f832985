// What /proc tells of a process: proc_pid_stat(5), proc_pid_status(5), proc_pid_cmdline(5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace coracle::kernel {

struct ProcessStatus {
  pid_t pid = 0, parent = 0, group = 0, session = 0;
  int terminal = 0;  // its device number; 0 has none
  char state = '?';
  std::uint64_t user_ticks = 0, system_ticks = 0;  // of sysconf(_SC_CLK_TCK) a second
  std::uint64_t start_ticks = 0;                   // after boot
  std::int64_t priority = 0, nice = 0, threads = 0;
  std::uint64_t virtual_bytes = 0, resident_pages = 0;
  uid_t uid = 0;  // effective
  gid_t gid = 0;
  std::string name;     // "sh"
  std::string command;  // all its arguments; "[sh]" for one without
};

// Nothing for a process that has ended.
std::optional<ProcessStatus> process_status(pid_t pid);

// The processes in the pid namespace of that one.
std::vector<pid_t> processes_beside(pid_t pid);

// Bytes that all interfaces but lo have received and sent, in the network namespace of that process; proc_pid_net(5).
struct NetworkTraffic {
  std::uint64_t received = 0, sent = 0;
};
NetworkTraffic network_traffic(pid_t pid);

}  // namespace coracle::kernel
