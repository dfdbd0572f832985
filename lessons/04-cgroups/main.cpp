// Lesson 4: what the program may use is limited, what it used is counted, and it can be stopped.
#include <cstdio>

#include "lesson.hpp"
#include "parts/cgroup.hpp"
#include "parts/mounts.hpp"
#include "parts/namespaces.hpp"
#include "parts/root.hpp"

using namespace coracle;

namespace {

void add_limits(CLI::App& app, parts::CgroupLimits& limits) {
  const auto option = [&](const char* name, auto read, const char* what) {
    return app.add_option_function<std::string>(name, read, what);
  };
  option(
      "--memory", [&](const std::string& text) { limits.memory = parts::parse_memory(text); }, "Bytes: 64m");
  option(
      "--cpus", [&](const std::string& text) { limits.cpu.quota = parts::parse_cpus(text); }, "CPU time: 0.5 of one");
  option(
      "--cpuset", [&](const std::string& text) { limits.cpu.cpus = parts::parse_cpuset(text); },
      "Only these processors: 0-2,4");
  option(
      "--pids", [&](const std::string& text) { limits.pids = parts::parse_pids(text); }, "Processes and threads");
  option(
      "--io", [&](const std::string& text) { parts::parse_io(text, limits.block_io); },
      "I/O a second on one device: /dev/sda:rbps=1m,wiops=100 (bytes or operations, read or written)")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

// An action in place of a run.
void add_action(CLI::App& app, const char* name, void (*action)(const std::string&), const char* what) {
  const auto act = [action](const std::string& id) {
    action(launch::default_run_root() + "/" + id);
    throw CLI::Success();
  };
  app.add_option_function<std::string>(name, act, what)->type_name("ID")->trigger_on_parse();
}

void report(const parts::CgroupUsage& usage) {
  const auto mebibytes = static_cast<double>(usage.memory_peak) / (1 << 20);
  std::fprintf(stderr, "memory at most  %.1f MiB\n", mebibytes);
  std::fprintf(stderr, "CPU time        %.3f s\n", static_cast<double>(usage.cpu_usec) / 1e6);
  if (usage.throttled_periods > 0) std::fprintf(stderr, "throttled       %lu times\n", usage.throttled_periods);
  if (usage.pids_refused > 0) std::fprintf(stderr, "forks refused   %lu\n", usage.pids_refused);
  if (usage.oom_killed) std::fprintf(stderr, "out of memory   the kernel killed for it, at the limit\n");
}

}  // namespace

int main(int argc, char** argv) {
  Lesson lesson("04-cgroups", "Run a program with limits on memory, CPU, processes and I/O");
  parts::CgroupLimits limits;
  parts::CgroupUsage usage;
  add_limits(lesson.app, limits);
  add_action(lesson.app, "--freeze", parts::freeze_cgroup, "Stop all processes of a running container");
  add_action(lesson.app, "--thaw", parts::thaw_cgroup, "Let them go on");
  lesson.app.add_option("--id", lesson.id, "The container's id, 12 hex digits, in place of a random one");

  const int status = lesson.run(argc, argv, [&](parts::Parts& parts) {
    parts.push_back(parts::make_namespaces({}));
    parts.push_back(parts::make_cgroup(limits, &usage));
    parts.push_back(parts::make_mounts());
    parts.push_back(parts::make_root({.rootfs = lesson.rootfs}));
    std::fprintf(stderr, "container %s\n", lesson.id.c_str());
  });
  const bool failed = status >= 125 && status <= 127;  // then nothing ran, as with --freeze
  if (usage.cpu_usec > 0 && !failed) report(usage);
  return status;
}
