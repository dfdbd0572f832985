// What a test could leave behind, read from the kernel.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <net/if.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "support/session.hpp"
#include "support/support.hpp"

namespace coracle::test {
namespace {

namespace fs = std::filesystem;
using Lines = std::set<std::string>;

std::string text_of(const fs::path& path) {
  const std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();  // a process that ends while we read (ESRCH) is no exception here, as it is for an iterator
  return text.str();
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

Lines lines_of(const std::string& text) {
  Lines lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.insert(line);
  return lines;
}

std::string joined(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// proc(5), /proc/PID/mountinfo: the first two fields are numbers that tell nothing here.
Lines mounts() {
  Lines lines;
  for (const std::string& line : lines_of(text_of("/proc/self/mountinfo"))) {
    lines.insert(line.substr(line.find(' ', line.find(' ') + 1) + 1));
  }
  return lines;
}

std::map<pid_t, pid_t> parents() {
  std::map<pid_t, pid_t> parent_of;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    if (!std::isdigit(entry.path().filename().string().front())) continue;
    const std::string stat = text_of(entry.path() / "stat");
    const std::size_t name_end = stat.rfind(')');  // the name before it may hold anything
    if (name_end == std::string::npos) continue;   // it has ended meanwhile
    const auto words = words_of(stat.substr(name_end + 1));
    parent_of[std::stoi(entry.path().filename())] = std::stoi(words.at(1));
  }
  return parent_of;
}

bool is_ours(const std::map<pid_t, pid_t>& parent_of, pid_t pid) {
  for (auto found = parent_of.find(pid); found != parent_of.end(); found = parent_of.find(found->second)) {
    if (found->second == getpid()) return true;
  }
  return false;
}

Lines processes(const std::map<pid_t, pid_t>& parent_of) {
  Lines lines;
  for (const auto& [pid, parent] : parent_of) {
    if (!is_ours(parent_of, pid)) continue;
    std::string command = text_of(fmt::format("/proc/{}/cmdline", pid));
    std::replace(command.begin(), command.end(), '\0', ' ');
    lines.insert(fmt::format("{} {}", pid, command));
  }
  return lines;
}

// Groups of other test programs on this host have processes in them that are not ours.
bool is_of_others(const fs::path& group, const std::map<pid_t, pid_t>& parent_of) {
  const auto pids = words_of(text_of(group / "cgroup.procs"));
  return !pids.empty() && std::none_of(pids.begin(), pids.end(),
                                       [&](const std::string& pid) { return is_ours(parent_of, std::stoi(pid)); });
}

std::set<std::string>& watched_groups() {
  static std::set<std::string> names;
  return names;
}

void find_groups(const fs::path& directory, const std::map<pid_t, pid_t>& parent_of, Lines& found) {
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator(directory, gone)) {
    if (!entry.is_directory(gone)) continue;
    const std::string name = entry.path().filename();
    const bool named = name.starts_with("coracle-") || watched_groups().contains(name);
    if (named && !is_of_others(entry.path(), parent_of)) found.insert(entry.path());
    find_groups(entry.path(), parent_of, found);
  }
}

Lines cgroups(const std::map<pid_t, pid_t>& parent_of) {
  Lines found;
  for (const std::string& line : lines_of(text_of("/proc/self/mountinfo"))) {
    if (line.find(" - cgroup") == std::string::npos) continue;
    find_groups(words_of(line).at(4), parent_of, found);
  }
  return found;
}

Lines links() {
  Lines names;
  struct if_nameindex* all = if_nameindex();
  for (struct if_nameindex* link = all; link != nullptr && link->if_index != 0; ++link) names.insert(link->if_name);
  if_freenameindex(all);
  return names;
}

// An empty lock file stays on purpose: taking it away while another process waits for it would part the two.
bool is_lock(const fs::path& path) {
  std::error_code gone;
  return path.filename().string().ends_with("lock") && fs::is_regular_file(path, gone) &&
         fs::file_size(path, gone) == 0;
}

// Compiled seccomp filters stay for the next start.
bool is_cache(const fs::path& path) { return path.filename() == "seccomp"; }

void list_files(const fs::path& directory, Lines& found) {
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator(directory, gone)) {
    if (!is_lock(entry.path()) && !is_cache(entry.path())) found.insert(entry.path());
  }
}

Lines files() {
  Lines found;
  const char* run_root = std::getenv("CORACLE_RUN");
  const char* data_root = std::getenv("CORACLE_ROOT");
  if (run_root != nullptr) list_files(run_root, found);
  if (data_root == nullptr) return found;
  list_files(fs::path(data_root) / "containers", found);
  list_files(fs::path(data_root) / "tmp", found);
  return found;
}

// Processes that came to us when their parent died are ours to reap.
void reap() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

void end_processes(const std::string& text) {
  for (const std::string& line : lines_of(text)) kill(std::stoi(line), SIGKILL);
  eventually([&] {
    reap();
    return processes(parents()).empty();
  });
}

// The default network of `coracle run` stays after its last container, as docker0 does. Once nobody has a lease in it,
// it is taken away here, as the README tells a person to do; with a lease in it, it is a leak and stays to be seen.
void remove_idle_network() {
  const char* run_root = std::getenv("CORACLE_RUN");
  const fs::path networks = fs::path(run_root != nullptr ? run_root : "/nowhere") / "networks";
  std::error_code gone;
  if (!fs::is_directory(networks / "coracle0", gone)) return;
  for (const auto& entry : fs::directory_iterator(networks / "coracle0", gone)) {
    if (entry.path().filename() != "subnet" && entry.path().filename() != "rules") return;
  }
  run({"ip", "link", "delete", "coracle0"});
  run({"nft", "delete", "table", "ip", "coracle0"});
  if (fs::exists(networks / "ip_forward", gone)) std::ofstream("/proc/sys/net/ipv4/ip_forward") << "0\n";
  fs::remove_all(networks, gone);
}

// What others do on this host is no leak of ours: their groups come and go.
bool only_new_counts(const std::string& kind) { return kind == "cgroups" || kind == "processes"; }
bool may_take_a_while(const std::string& kind) { return only_new_counts(kind) || kind == "links"; }

}  // namespace

void watch_group(const std::string& name) { watched_groups().insert(name); }

std::map<std::string, std::string> kernel_state() {
  const auto parent_of = parents();
  return {{"mounts", joined(mounts())},
          {"cgroups", joined(cgroups(parent_of))},
          {"links", joined(links())},
          {"processes", joined(processes(parent_of))},
          {"files", joined(files())},
          {"nft rules", run({"nft", "list", "ruleset"}).out},
          {"ip_forward", text_of("/proc/sys/net/ipv4/ip_forward")}};
}

std::string left_behind(const std::map<std::string, std::string>& before,
                        const std::map<std::string, std::string>& after) {
  std::string text;
  for (const auto& [kind, state] : after) {
    const Lines now = lines_of(state);
    const Lines then = lines_of(before.at(kind));
    for (const std::string& line : now) {
      if (!then.contains(line)) text += fmt::format("  {}, new:  {}\n", kind, line);
    }
    for (const std::string& line : then) {
      if (!now.contains(line) && !only_new_counts(kind)) text += fmt::format("  {}, gone: {}\n", kind, line);
    }
  }
  return text;
}

std::string left_behind_since(const std::map<std::string, std::string>& before) {
  remove_idle_network();
  auto after = kernel_state();
  eventually(
      [&] {
        reap();
        auto slow_before = before;
        auto slow_after = kernel_state();
        std::erase_if(slow_before, [](const auto& entry) { return !may_take_a_while(entry.first); });
        std::erase_if(slow_after, [](const auto& entry) { return !may_take_a_while(entry.first); });
        for (auto& [kind, state] : slow_after) {
          // A group of somebody else's that was seen at a bad moment is not there for long: what counts was there all
          // the time.
          Lines still = lines_of(state);
          const Lines earlier = lines_of(after[kind]);
          if (kind == "cgroups") std::erase_if(still, [&](const std::string& line) { return !earlier.contains(line); });
          state = after[kind] = joined(still);
        }
        return left_behind(slow_before, slow_after).empty();
      },
      std::chrono::seconds(3));
  const std::string text = left_behind(before, after);
  end_processes(after["processes"]);
  return text;
}

}  // namespace coracle::test
