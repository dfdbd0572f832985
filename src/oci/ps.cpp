// coracle-oci ps: the processes of a container, from its control group; proc(5).
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include "kernel/recorder.hpp"
#include "oci/oci.hpp"
#include "parts/cgroup.hpp"

namespace coracle::oci {
namespace {

using kernel::Error;

// What a process was called with; its name in brackets when it has no command line.
std::string command_of(pid_t pid) {
  std::string command = kernel::read_file(fmt::format("/proc/{}/cmdline", pid));
  while (!command.empty() && command.back() == '\0') command.pop_back();
  // A process writes what it likes there: nothing of it may reach a terminal as an order.
  for (char& c : command) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  if (!command.empty()) return command;
  const std::string stat = kernel::read_file(fmt::format("/proc/{}/stat", pid));
  const std::size_t open = stat.find('('), close = stat.rfind(')');
  return "[" + stat.substr(open + 1, close - open - 1) + "]";
}

pid_t parent_of(pid_t pid) {
  const std::string stat = kernel::read_file(fmt::format("/proc/{}/stat", pid));
  int parent = 0;
  std::sscanf(stat.c_str() + std::min(stat.rfind(')') + 1, stat.size()), " %*c %d", &parent);
  return parent;
}

void print_table(const std::vector<pid_t>& pids) {
  fmt::print("{:>10} {:>9} {:>9} {}\n", "UID", "PID", "PPID", "CMD");
  for (const pid_t pid : pids) {
    try {
      struct stat status {};
      kernel::attempt([&] { return stat(fmt::format("/proc/{}", pid).c_str(), &status); }, "stat /proc/{}", pid);
      fmt::print("{:>10} {:>9} {:>9} {}\n", status.st_uid, pid, parent_of(pid), command_of(pid));
    } catch (const Error& error) {
      if (error.code() != ENOENT && error.code() != ESRCH) throw;  // it has ended
    }
  }
}

}  // namespace

int ps(const Door& door, Words words) {
  Options options("ps", "[OPTIONS] ID", "List the processes of a container.");
  std::string format = "table";
  options.value('f', "format", "FORMAT", "table or json", format);
  if (!options.read(words)) return 0;
  if (format != "table" && format != "json")
    throw Error("read the format \"" + format + "\"", 0, "invalid format option: it is table or json");
  const Container container = find_container(door.root, only_id(words));
  std::vector<pid_t> pids;
  try {
    pids = parts::pids_in_cgroup(container.directory());
  } catch (const Error& error) {
    if (error.code() != ENOENT) throw;
  }
  std::sort(pids.begin(), pids.end());
  if (format == "json") {
    fmt::print("[{}]\n", fmt::join(pids, ","));
  } else {
    print_table(pids);
  }
  return 0;
}

}  // namespace coracle::oci
