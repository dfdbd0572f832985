// coracle stats: what running containers use, in docker's table, which is drawn anew each second.
#include <algorithm>
#include <chrono>
#include <map>

#include <fmt/format.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "cli/cli.hpp"
#include "cli/container_view.hpp"
#include "cli/format.hpp"
#include "cli/options.hpp"
#include "cli/table.hpp"
#include "engine/exec.hpp"
#include "engine/join_note.hpp"
#include "image/digest.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "kernel/process_status.hpp"
#include "kernel/tty.hpp"
#include "parts/cgroup.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;
using Clock = std::chrono::steady_clock;

constexpr useconds_t kPeriod = 1'000'000;     // microseconds between two pictures
constexpr useconds_t kFirstPeriod = 250'000;  // before the first: processor time needs two looks

struct Sample {
  parts::CgroupStatistics use;
  kernel::NetworkTraffic traffic;
  Clock::time_point at;
  bool runs = false;
};

std::uint64_t host_memory() {
  struct sysinfo host {};
  return ::sysinfo(&host) == 0 ? static_cast<std::uint64_t>(host.totalram) * host.mem_unit : 0;
}

// Where no control group counts, because nothing is limited: the processes, and the memory that each has.
void count_processes(const std::string& run_dir, parts::CgroupStatistics& use) {
  const std::vector<pid_t> pids = parts::pids_in_cgroup(run_dir);
  if (use.pids == 0) use.pids = pids.size();
  if (use.memory_usage != 0) return;
  for (const pid_t pid : pids) {
    if (const auto process = kernel::process_status(pid))
      use.memory_usage += process->resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
}

// One that has ended, or ends meanwhile, uses nothing.
Sample look_at(const engine::Engine& engine, const engine::Record& record) {
  Sample sample;
  sample.at = Clock::now();
  if (!engine.runs(record) || !engine::can_be_joined(record.run_root, record.id)) return sample;
  try {
    const pid_t first = kernel::noted_pid(engine::read_join_note(record.run_root, record.id).process);
    sample.traffic = shares_host_network(record) ? kernel::NetworkTraffic{} : kernel::network_traffic(first);
    sample.use = parts::read_statistics(record.run_root + "/" + record.id);
    count_processes(record.run_root + "/" + record.id, sample.use);
    sample.runs = true;
  } catch (const Error&) {
    // Without a control group nobody counts.
  }
  return sample;
}

double cpu_share(const Sample& before, const Sample& now) {
  const double micros = std::chrono::duration<double, std::micro>(now.at - before.at).count();
  if (!before.runs || !now.runs || micros <= 0 || now.use.cpu_usec < before.use.cpu_usec) return 0;
  return 100 * static_cast<double>(now.use.cpu_usec - before.use.cpu_usec) / micros;
}

Json row(const engine::Record& record, const std::string& called, const Sample& before, const Sample& now, bool whole) {
  const parts::CgroupStatistics& use = now.use;
  const std::uint64_t used = use.memory_usage - std::min(use.memory_cache, use.memory_usage);
  const std::uint64_t limit = now.runs ? (use.memory_limit != 0 ? use.memory_limit : host_memory()) : 0;
  const double share = limit == 0 ? 0 : 100 * static_cast<double>(used) / static_cast<double>(limit);
  return {{"BlockIO", human_size(use.bytes_read) + " / " + human_size(use.bytes_written)},
          {"CPUPerc", fmt::format("{:.2f}%", cpu_share(before, now))},
          {"Container", called},
          {"ID", whole ? record.id : image::short_id(record.id)},
          {"MemPerc", fmt::format("{:.2f}%", share)},
          {"MemUsage", human_memory(used) + " / " + human_memory(limit)},
          {"Name", record.name},
          {"NetIO", human_size(now.traffic.received) + " / " + human_size(now.traffic.sent)},
          {"PIDs", std::to_string(use.pids)}};
}

ListKind make_kind() {
  return {.table = "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
          .quiet = "",
          .headings = {{"BlockIO", "BLOCK I/O"},
                       {"CPUPerc", "CPU %"},
                       {"Container", "CONTAINER"},
                       {"ID", "CONTAINER ID"},
                       {"MemPerc", "MEM %"},
                       {"MemUsage", "MEM USAGE / LIMIT"},
                       {"Name", "NAME"},
                       {"NetIO", "NET I/O"},
                       {"PIDs", "PIDS"}}};
}

struct Chosen {
  engine::Record record;
  std::string called;  // as the command line has it
};

std::vector<Chosen> choose(engine::Engine& engine, const std::vector<std::string>& names, bool all) {
  std::vector<Chosen> chosen;
  for (const std::string& name : names) chosen.push_back({engine::find_container(engine.records, name), name});
  if (!names.empty()) return chosen;
  for (const engine::Record& record : engine.records.all()) {
    if (all || engine.runs(record)) chosen.push_back({record, image::short_id(record.id)});
  }
  return chosen;
}

}  // namespace

int stats(const Door& door, std::vector<std::string> words) {
  Options options("stats", "[OPTIONS] [CONTAINER...]", "Show what running containers use, again and again");
  bool all = false, once = false;
  Shown shown;
  options.flag('a', "all", "Those that do not run as well", all);
  options.flag(0, "no-stream", "One picture alone", once);
  options.flag(0, "no-trunc", "Nothing cut short", shown.whole);
  options.value(0, "format", "FORMAT",
                "table, json, a Go template for each line, or \"table \" and one for the columns", shown.format);
  if (!options.read(words)) return 0;

  engine::Engine engine(door.roots, true);
  const bool redraws = !once && kernel::is_terminal(STDOUT_FILENO);
  std::map<std::string, Sample> before;
  for (const Chosen& each : choose(engine, words, all)) before[each.record.id] = look_at(engine, each.record);
  for (useconds_t period = kFirstPeriod;; period = kPeriod) {
    ::usleep(period);
    std::map<std::string, Sample> now;
    std::vector<Json> rows;
    for (const Chosen& each : choose(engine, words, all)) {
      Sample& sample = now[each.record.id] = look_at(engine, each.record);
      rows.push_back(row(each.record, each.called, before[each.record.id], sample, shown.whole));
    }
    if (redraws) std::fputs("\033[H\033[J", stdout);
    print_list(make_kind(), shown, rows);
    std::fflush(stdout);
    if (once || std::ferror(stdout) != 0) return 0;
    before = std::move(now);
  }
}

}  // namespace coracle::cli
