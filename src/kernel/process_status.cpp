#include "kernel/process_status.hpp"

#include <cctype>
#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

#include "kernel/error.hpp"
#include "kernel/fd.hpp"
#include "kernel/inode.hpp"

namespace coracle::kernel {
namespace {

// "" for a file of a process that has ended.
std::string read_of(pid_t pid, const char* file) {
  try {
    return read_file(fmt::format("/proc/{}/{}", pid, file));
  } catch (const Error&) {
    return {};
  }
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; (at = text.find_first_not_of(" \t\n", at)) != std::string::npos;) {
    const std::size_t end = text.find_first_of(" \t\n", at);
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

// The second number of a line "Uid: REAL EFFECTIVE ..." of /proc/PID/status.
std::uint32_t effective(const std::string& status, const std::string& field) {
  const std::size_t at = status.find("\n" + field + ":");
  if (at == std::string::npos) return 0;
  const auto words = split(status.substr(at + field.size() + 2, status.find('\n', at + 1) - at - field.size() - 2));
  return words.size() < 2 ? 0 : static_cast<std::uint32_t>(std::strtoul(words[1].c_str(), nullptr, 10));
}

std::string command_of(pid_t pid, const std::string& name) {
  std::string words = read_of(pid, "cmdline");
  while (!words.empty() && words.back() == '\0') words.pop_back();
  for (char& c : words) {
    if (c == '\0') c = ' ';
  }
  return words.empty() ? "[" + name + "]" : words;
}

std::string pid_namespace(const std::string& pid) {
  char target[64];
  const ssize_t length = ::readlink(("/proc/" + pid + "/ns/pid").c_str(), target, sizeof target);
  return {target, static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
}

}  // namespace

std::optional<ProcessStatus> process_status(pid_t pid) {
  const std::string stat = read_of(pid, "stat");
  const std::size_t begin = stat.find('(');
  const std::size_t end = stat.rfind(')');  // a name may hold a ) of its own
  if (begin == std::string::npos || end == std::string::npos) return std::nullopt;
  const std::vector<std::string> fields = split(stat.substr(end + 1));
  if (fields.size() < 22) return std::nullopt;
  // The manual page counts from 1, and the first of ours is its third.
  const auto number = [&](std::size_t field) { return std::strtoll(fields[field - 3].c_str(), nullptr, 10); };
  const auto count = [&](std::size_t field) { return std::strtoull(fields[field - 3].c_str(), nullptr, 10); };
  ProcessStatus status;
  status.pid = pid;
  status.name = stat.substr(begin + 1, end - begin - 1);
  status.state = fields[0][0];
  status.parent = static_cast<pid_t>(number(4));
  status.group = static_cast<pid_t>(number(5));
  status.session = static_cast<pid_t>(number(6));
  status.terminal = static_cast<int>(number(7));
  status.user_ticks = count(14);
  status.system_ticks = count(15);
  status.priority = number(18);
  status.nice = number(19);
  status.threads = number(20);
  status.start_ticks = count(22);
  status.virtual_bytes = fields.size() > 20 ? count(23) : 0;
  status.resident_pages = fields.size() > 21 ? count(24) : 0;
  const std::string more = read_of(pid, "status");
  status.uid = effective(more, "Uid");
  status.gid = effective(more, "Gid");
  status.command = command_of(pid, status.name);
  return status;
}

std::vector<pid_t> processes_beside(pid_t pid) {
  const std::string space = pid_namespace(std::to_string(pid));
  std::vector<pid_t> pids;
  if (space.empty()) return pids;
  for (const std::string& name : list(open("/proc", O_RDONLY | O_DIRECTORY))) {
    if (std::isdigit(static_cast<unsigned char>(name[0])) != 0 && pid_namespace(name) == space)
      pids.push_back(static_cast<pid_t>(std::strtol(name.c_str(), nullptr, 10)));
  }
  return pids;
}

NetworkTraffic network_traffic(pid_t pid) {
  NetworkTraffic traffic;
  const std::string table = read_of(pid, "net/dev");
  for (std::size_t at = 0; at < table.size();) {
    const std::size_t end = std::min(table.find('\n', at), table.size());
    const std::string line = table.substr(at, end - at);
    at = end + 1;
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || line.substr(0, colon).ends_with(" lo") || line.substr(0, colon) == "lo") continue;
    const auto counts = split(line.substr(colon + 1));
    if (counts.size() < 9) continue;
    traffic.received += std::strtoull(counts[0].c_str(), nullptr, 10);
    traffic.sent += std::strtoull(counts[8].c_str(), nullptr, 10);
  }
  return traffic;
}

}  // namespace coracle::kernel
