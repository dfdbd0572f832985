// coracle top: the processes of a running container, with their numbers on the host, as docker top prints them.
#include <algorithm>

#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "cli/ps_columns.hpp"
#include "cli/table.hpp"
#include "engine/exec.hpp"
#include "engine/join_note.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "kernel/process_status.hpp"
#include "parts/cgroup.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

// Of the control group, or where it has none, of the pid namespace.
std::vector<pid_t> processes_of(const engine::Record& record) {
  const pid_t first = kernel::noted_pid(engine::read_join_note(record.run_root, record.id).process);
  std::vector<pid_t> pids;
  try {
    pids = parts::pids_in_cgroup(record.run_root + "/" + record.id);
  } catch (const Error& error) {
    if (error.code() != ENOENT) throw;
    pids = kernel::processes_beside(first);
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

}  // namespace

int top(const Door& door, std::vector<std::string> words) {
  Options options("top", "CONTAINER [ps OPTIONS]",
                  "Show the processes of a running container: -ef, aux, or -o with columns of ps(1)");
  if (words.empty() || words[0] == "--help") {
    if (!options.read(words)) return 0;
    throw Error("read the command line", 0, "a container is missing; see coracle top --help").with_status(1);
  }
  const std::vector<PsColumn> columns = parse_ps_options({words.begin() + 1, words.end()});
  return for_each({words[0]}, [&](const std::string& name) {
    engine::Engine engine(door.roots, true);
    const engine::Record record = engine::find_container(engine.records, name);
    engine::first_process(record);
    Table table(1);
    for (const PsColumn& column : columns) table[0].push_back(column.heading);
    for (const pid_t pid : processes_of(record)) {
      const auto status = kernel::process_status(pid);
      if (!status) continue;  // it has ended since
      table.emplace_back();
      for (const PsColumn& column : columns) table.back().push_back(column.text(*status));
    }
    fmt::print("{}", format_table(table, 20));
  });
}

}  // namespace coracle::cli
