#include "engine/lifecycle.hpp"

#include <chrono>

#include <poll.h>

#include "engine/container_events.hpp"
#include "engine/join_note.hpp"
#include "engine/names.hpp"
#include "engine/options_json.hpp"
#include "engine/volume_use.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "launch/rootless.hpp"
#include "parts/cgroup.hpp"

namespace coracle::engine {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr int kDefaultTimeout = 10;  // seconds, docker's
constexpr int kPatienceMs = 10'000;  // with a supervisor whose program has ended
constexpr const char* kNotRunning = "it is not running";

std::string run_dir(const Record& record) { return record.run_root + "/" + record.id; }

// An empty Fd when it has none at the moment: it is about to start, or waits to be started again.
Fd first_process_now(const Record& record) {
  if (!can_be_joined(record.run_root, record.id)) return {};
  try {
    return kernel::noted_process(read_join_note(record.run_root, record.id).process);
  } catch (const Error&) {
    return {};  // it has just ended
  }
}

// False when it is still there after so many milliseconds; -1 waits for ever.
bool ends_within(const Fd& pidfd, int milliseconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  pollfd process{pidfd.get(), POLLIN, 0};
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    const int ready = poll(&process, 1, milliseconds < 0 ? -1 : static_cast<int>(std::max<long>(left, 0)));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

// A supervisor that was killed leaves a container that nobody looks after: it is ended here.
bool runs(Engine& engine, const Record& record) {
  if (engine.runs(record)) return true;
  if (kernel::exists(run_dir(record))) engine.sweep();
  return false;
}

Fd launcher_of(Engine& engine, const Record& record) {
  const auto current = engine.records.find(record.id);
  return current ? kernel::noted_process(current->life.launcher) : Fd();
}

// Whoever looks after it does what is to be done at its end. One that does not is ended, and we do it.
void await_unmade(Engine& engine, const Fd& launcher) {
  constexpr int kStepMs = 500;
  for (int waited = 0; launcher && waited < kPatienceMs; waited += kStepMs) {
    if (ends_within(launcher, kStepMs)) return;
    if (kernel::is_stopped(launcher)) kernel::send_signal(launcher, SIGCONT);
  }
  if (launcher) {
    kernel::send_signal(launcher, SIGKILL);
    ends_within(launcher, kPatienceMs);
  }
  engine.sweep();
}

// What stands still hears nothing but SIGKILL, and in version 1 not even that.
bool is_frozen(const Record& record) {
  try {
    return parts::is_frozen(run_dir(record));
  } catch (const Error&) {
    return false;  // it has no cgroup, or has just ended
  }
}

void thaw(const Record& record) {
  try {
    parts::thaw_cgroup(run_dir(record));
  } catch (const Error&) {
    if (is_frozen(record)) throw;
  }
}

void signal_it(const Record& record, const Fd& launcher, int signal) {
  const Fd process = first_process_now(record);
  // Whoever is about to start it hears a request to end, and gives up.
  if (!process) {
    if (launcher) kernel::send_signal(launcher, signal == SIGKILL ? SIGTERM : signal);
    return;
  }
  const bool frozen = is_frozen(record);
  kernel::send_signal(process, signal);
  if (frozen) thaw(record);
}

void end(Engine& engine, const Record& record, int signal, int timeout_ms) {
  const Fd launcher = launcher_of(engine, record);
  if (!launcher) return await_unmade(engine, launcher);
  signal_it(record, launcher, signal);
  if (!ends_within(launcher, timeout_ms)) signal_it(record, launcher, SIGKILL);
  await_unmade(engine, launcher);
}

[[noreturn]] void refuse(const std::string& what, const Record& record, const std::string& why) {
  throw Error(what + " the container " + record.name, 0, why);
}

}  // namespace

int stop_signal(Engine& engine, const Record& record) {
  std::string name = parse_options(record.options).stop_signal;
  if (name.empty()) name = engine.store.find(record.image).config.stop_signal;
  return kernel::signal_number(name.empty() ? "TERM" : name).value_or(SIGTERM);
}

void stop(Engine& engine, const Record& record, std::optional<int> timeout, int signal) {
  engine.records.set_stopped(record.id, true);
  if (!runs(engine, record)) return;
  const int seconds = timeout.value_or(parse_options(record.options).stop_timeout.value_or(kDefaultTimeout));
  const int asked = signal != 0 ? signal : stop_signal(engine, record);
  tell(engine, record, "kill", {{"signal", std::to_string(asked)}});
  end(engine, record, asked, seconds < 0 ? -1 : seconds * 1000);
  tell(engine, record, "stop");
}

void send_signal(Engine& engine, const Record& record, int signal) {
  const Fd process = first_process_now(record);
  if (!process) refuse("kill", record, kNotRunning);
  if (signal == SIGKILL || signal == stop_signal(engine, record)) engine.records.set_stopped(record.id, true);
  const bool frozen = is_frozen(record);
  tell(engine, record, "kill", {{"signal", std::to_string(signal)}});
  kernel::send_signal(process, signal);
  if (frozen && signal == SIGKILL) thaw(record);
}

void pause(Engine& engine, const Record& record) {
  if (!runs(engine, record)) refuse("pause", record, kNotRunning);
  if (is_paused(engine, record)) refuse("pause", record, "it is paused already");
  parts::freeze_cgroup(run_dir(record));
  tell(engine, record, "pause");
}

void unpause(Engine& engine, const Record& record) {
  if (!is_paused(engine, record)) refuse("unpause", record, "it is not paused");
  parts::thaw_cgroup(run_dir(record));
  tell(engine, record, "unpause");
}

bool is_paused(const Engine& engine, const Record& record) { return engine.runs(record) && is_frozen(record); }

int wait(Engine& engine, const Record& record) {
  const Fd launcher = runs(engine, record) ? launcher_of(engine, record) : Fd();
  if (launcher) ends_within(launcher, -1);
  const auto ended = engine.records.find(record.id);
  if (!ended) refuse("wait for", record, "it has been removed, and its status with it");
  return ended->life.status;
}

void kill_for_good(Engine& engine, const Record& record) {
  engine.records.set_stopped(record.id, true);
  if (!runs(engine, record)) return;
  tell(engine, record, "kill", {{"signal", std::to_string(SIGKILL)}});
  end(engine, record, SIGKILL, 0);
}

void remove(Engine& engine, const Record& record, bool volumes, bool killed) {
  if (!killed && runs(engine, record)) {
    refuse("remove", record,
           is_paused(engine, record) ? "it is paused; unpause and stop it, or use -f"
                                     : "it is running; stop it, or use -f");
  }
  launch::become_root_inside("coracle");  // its files may have other owners
  const auto lock = ContainerLock::await(engine.container_dir(record.id));
  const auto current = engine.records.find(record.id);
  if (!current) return;
  engine.forget(*current);
  if (volumes && has_anonymous_volumes(*current)) remove_anonymous_volumes(engine, *current);
}

void rename(Engine& engine, const Record& record, const std::string& name) {
  check_name(name);
  engine.records.set_name(record.id, name);
  unlink_name(engine.roots.data, record.name);
  link_name(engine.roots.data, name, record.id);
  Record renamed = record;
  renamed.name = name;
  tell(engine, renamed, "rename", {{"oldName", record.name}});
}

void update(Engine& engine, const Record& record, const parts::CgroupLimits& limits,
            const std::optional<RestartPolicy>& restart) {
  RunOptions options = parse_options(record.options);
  if (restart && options.remove && restart->name != "no") refuse("update", record, "it was made with --rm");
  if (limits.memory.limit) options.limits.memory = limits.memory;
  if (limits.cpu.quota) options.limits.cpu.quota = limits.cpu.quota;
  if (!limits.cpu.cpus.empty()) options.limits.cpu.cpus = limits.cpu.cpus;
  if (limits.pids) options.limits.pids = limits.pids;
  if (restart) options.restart = *restart;
  if (parts::has_limits(limits) && engine.runs(record)) parts::update_cgroup(run_dir(record), limits);
  engine.records.set_options(record.id, to_json(options));
  tell(engine, record, options, "update");
}

}  // namespace coracle::engine
