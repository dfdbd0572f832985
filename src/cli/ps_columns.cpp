#include "cli/ps_columns.hpp"

#include <algorithm>
#include <ctime>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel/error.hpp"
#include "kernel/fd.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;
using kernel::ProcessStatus;

std::uint64_t ticks() { return static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)); }
std::uint64_t page() { return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)); }

std::uint64_t seconds_used(const ProcessStatus& process) {
  return (process.user_ticks + process.system_ticks) / ticks();
}

std::uint64_t uptime() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return static_cast<std::uint64_t>(time.tv_sec);
}

std::uint64_t age(const ProcessStatus& process) {
  const std::uint64_t started = process.start_ticks / ticks();
  return uptime() > started ? uptime() - started : 0;
}

// The program is static: getpwuid() would load libraries of the host. So /etc/passwd and /etc/group are read.
std::string name_in(const char* file, unsigned id) {
  const std::string text = kernel::exists(file) ? kernel::read_file(file, 16U << 20U) : "";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const std::size_t password = line.find(':');
    const std::size_t number = password == std::string::npos ? password : line.find(':', password + 1);
    if (number == std::string::npos) continue;
    if (line.substr(number + 1, line.find(':', number + 1) - number - 1) == std::to_string(id))
      return line.substr(0, password);
  }
  return std::to_string(id);
}

std::string user(const ProcessStatus& process) { return name_in("/etc/passwd", process.uid); }

std::string terminal(const ProcessStatus& process) {
  if (process.terminal == 0) return "?";
  const auto device = static_cast<dev_t>(process.terminal);
  if (major(device) >= 136 && major(device) <= 143)
    return fmt::format("pts/{}", (major(device) - 136) * 256 + minor(device));
  return major(device) == 4 ? fmt::format("tty{}", minor(device)) : "?";
}

// "15:04", "Jan02", "2026": as long ago as it is.
std::string start(const ProcessStatus& process) {
  const std::time_t now = std::time(nullptr);
  const std::time_t began = now - static_cast<std::time_t>(age(process));
  std::tm local{};
  std::tm today{};
  localtime_r(&began, &local);
  localtime_r(&now, &today);
  char text[16];
  const char* format = now - began < 86400 ? "%H:%M" : local.tm_year == today.tm_year ? "%b%d" : "%Y";
  return {text, std::strftime(text, sizeof text, format, &local)};
}

std::string clock(std::uint64_t seconds) {
  const std::string days = seconds >= 86400 ? std::to_string(seconds / 86400) + "-" : "";
  return days + fmt::format("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
}

double share_of_cpu(const ProcessStatus& process) {
  const std::uint64_t lived = std::max<std::uint64_t>(age(process), 1);
  return 100.0 * static_cast<double>(seconds_used(process)) / static_cast<double>(lived);
}

double share_of_memory(const ProcessStatus& process) {
  struct sysinfo host {};
  if (::sysinfo(&host) != 0 || host.totalram == 0) return 0;
  const double all = static_cast<double>(host.totalram) * host.mem_unit;
  return 100.0 * static_cast<double>(process.resident_pages * page()) / all;
}

struct Known {
  const char* name;
  const char* heading;
  std::string (*text)(const ProcessStatus&);
};

constexpr Known kKnown[] = {
    {"pid", "PID", [](const ProcessStatus& p) { return std::to_string(p.pid); }},
    {"ppid", "PPID", [](const ProcessStatus& p) { return std::to_string(p.parent); }},
    {"pgid", "PGID", [](const ProcessStatus& p) { return std::to_string(p.group); }},
    {"sid", "SID", [](const ProcessStatus& p) { return std::to_string(p.session); }},
    {"uid", "UID", [](const ProcessStatus& p) { return std::to_string(p.uid); }},
    {"gid", "GID", [](const ProcessStatus& p) { return std::to_string(p.gid); }},
    {"user", "USER", user},
    {"euser", "EUSER", user},
    {"group", "GROUP", [](const ProcessStatus& p) { return name_in("/etc/group", p.gid); }},
    {"c", "C", [](const ProcessStatus& p) { return std::to_string(static_cast<int>(share_of_cpu(p))); }},
    {"pcpu", "%CPU", [](const ProcessStatus& p) { return fmt::format("{:.1f}", share_of_cpu(p)); }},
    {"%cpu", "%CPU", [](const ProcessStatus& p) { return fmt::format("{:.1f}", share_of_cpu(p)); }},
    {"pmem", "%MEM", [](const ProcessStatus& p) { return fmt::format("{:.1f}", share_of_memory(p)); }},
    {"%mem", "%MEM", [](const ProcessStatus& p) { return fmt::format("{:.1f}", share_of_memory(p)); }},
    {"vsz", "VSZ", [](const ProcessStatus& p) { return std::to_string(p.virtual_bytes / 1024); }},
    {"rss", "RSS", [](const ProcessStatus& p) { return std::to_string(p.resident_pages * page() / 1024); }},
    {"tty", "TTY", terminal},
    {"tt", "TT", terminal},
    {"s", "S", [](const ProcessStatus& p) { return std::string(1, p.state); }},
    {"stat", "STAT", [](const ProcessStatus& p) { return std::string(1, p.state); }},
    {"stime", "STIME", start},
    {"start", "START", start},
    {"etime", "ELAPSED", [](const ProcessStatus& p) { return clock(age(p)); }},
    {"etimes", "ELAPSED", [](const ProcessStatus& p) { return std::to_string(age(p)); }},
    {"time", "TIME", [](const ProcessStatus& p) { return clock(seconds_used(p)); }},
    {"nlwp", "NLWP", [](const ProcessStatus& p) { return std::to_string(p.threads); }},
    {"ni", "NI", [](const ProcessStatus& p) { return std::to_string(p.nice); }},
    {"pri", "PRI", [](const ProcessStatus& p) { return std::to_string(p.priority); }},
    {"comm", "COMMAND", [](const ProcessStatus& p) { return kernel::printable(p.name); }},
    {"ucmd", "CMD", [](const ProcessStatus& p) { return kernel::printable(p.name); }},
    {"args", "COMMAND", [](const ProcessStatus& p) { return kernel::printable(p.command); }},
    {"command", "COMMAND", [](const ProcessStatus& p) { return kernel::printable(p.command); }},
    {"cmd", "CMD", [](const ProcessStatus& p) { return kernel::printable(p.command); }},
};

// "pid,args" and "pid=ID": what stands behind = is the heading.
void add_columns(const std::string& list, std::vector<PsColumn>& columns) {
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    const std::string word = list.substr(at, end - at);
    at = end + 1;
    const std::string name = word.substr(0, word.find('='));
    const auto* known =
        std::find_if(std::begin(kKnown), std::end(kKnown), [&](const Known& k) { return k.name == name; });
    if (known == std::end(kKnown)) {
      std::vector<std::string> names;
      for (const Known& each : kKnown) names.emplace_back(each.name);
      throw Error("read the column \"" + name + "\"", 0, fmt::format("there are {}", fmt::join(names, " ")))
          .with_status(1);
    }
    columns.push_back({name.size() < word.size() ? word.substr(name.size() + 1) : known->heading, known->text});
  }
}

std::vector<PsColumn> columns_of(const std::string& list) {
  std::vector<PsColumn> columns;
  add_columns(list, columns);
  return columns;
}

}  // namespace

std::vector<PsColumn> parse_ps_options(const std::vector<std::string>& words) {
  std::vector<PsColumn> columns;
  bool by_user = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const std::size_t o = word.starts_with("--") ? std::string::npos : word.find('o');
    if (word == "aux" || word == "-aux" || word == "u") {
      by_user = true;
    } else if (o != std::string::npos && (word[0] == '-' || o == 0)) {
      const bool apart = o + 1 == word.size();
      if (apart && i + 1 == words.size())
        throw Error("read the option " + word, 0, "columns must follow").with_status(1);
      add_columns(apart ? words[++i] : word.substr(o + 1), columns);
    } else if (word.find_first_not_of("-eAfax") != std::string::npos) {
      throw Error("read the option " + word, 0, "ps's options are -ef, aux and -o COLUMN,COLUMN... here")
          .with_status(1);
    }
  }
  if (!columns.empty()) return columns;
  return columns_of(by_user ? "user,pid,%cpu,%mem,vsz,rss,tty,stat,start,time,command"
                            : "user=UID,pid,ppid,c,stime,tty,time,cmd");
}

}  // namespace coracle::cli
