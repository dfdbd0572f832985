#include "engine/exec.hpp"

#include <cerrno>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/events.hpp"
#include "engine/join_note.hpp"
#include "engine/names.hpp"
#include "engine/spec.hpp"
#include "image/config.hpp"
#include "kernel/error.hpp"
#include "kernel/executable.hpp"
#include "launch/launch.hpp"
#include "parts/cgroup.hpp"
#include "parts/confine.hpp"
#include "parts/namespaces.hpp"

namespace coracle::engine {
namespace {

using kernel::Error;

launch::Process make_process(const ExecOptions& options, launch::Process process, bool terminal) {
  process.args = options.command;
  process.new_session = true;
  process.make_cwd = false;
  if (!options.working_dir.empty()) process.cwd = options.working_dir;
  if (!options.user.empty()) process.user = options.user;
  if (terminal) image::set_variable(process.env, "TERM=xterm");
  change_environment(process.env, options.env);
  return process;
}

// Those parts that a process can join; the others are the container's alone.
parts::Parts make_parts(const ExecOptions& options, const std::string& run_dir, launch::Keeper* keeper) {
  parts::ConfineOptions confine = parts::read_confinement(run_dir);
  if (options.privileged) confine.capabilities = parts::all_capabilities();
  parts::Parts parts;
  parts.push_back(parts::make_cgroup({}));
  parts.push_back(parts::make_namespaces({}));
  if (keeper != nullptr) parts.push_back(parts::make_terminal(keeper->options()));
  parts.push_back(parts::make_confine(std::move(confine)));
  return parts;
}

// A process on its way out loses its namespaces first, and is dead for poll(2) only when all of it is gone.
bool has_ended(const std::string& note) {
  return !kernel::noted_process(note) || !kernel::exists(fmt::format("/proc/{}/ns/mnt", kernel::noted_pid(note)));
}

// Its id, its name and its run root; the database is opened only when nothing else leads to a container that runs.
Record find_running(const Roots& roots, const std::string& text) {
  image::make_root(roots.data);  // or it is not to be used
  const std::string id = linked_id(roots.data, text);
  if (!id.empty() && can_be_joined(roots.run, id)) return {.id = id, .name = text, .run_root = roots.run};
  Engine engine(roots, true);
  return find_container(engine.records, text);
}

[[noreturn]] void refuse_ended(const Record& record) {
  throw Error("join the container " + record.name, 0, "it has just ended");
}

}  // namespace

std::optional<Record> look_for_container(Records& records, const std::string& text) {
  std::vector<Record> found;
  for (Record& record : records.all()) {
    if (record.id == text || record.name == text) return record;
    if (!text.empty() && record.id.starts_with(text)) found.push_back(std::move(record));
  }
  if (found.size() > 1) {
    throw Error("find the container \"" + text + "\"", 0,
                fmt::format("{} ids begin with this; write more of the one you mean", found.size()));
  }
  return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
}

Record find_container(Records& records, const std::string& text) {
  if (auto found = look_for_container(records, text)) return *std::move(found);
  throw Error("find the container \"" + text + "\"", 0, "there is none with this name or id");
}

kernel::Fd first_process(const Record& record) {
  kernel::Fd first = kernel::noted_process(read_join_note(record.run_root, record.id).process);
  if (!first) refuse_ended(record);
  return first;
}

void shield_from(const Roots& roots, const std::string& container) {
  const Record record = find_running(roots, container);
  kernel::shield_executable_from(kernel::noted_pid(read_join_note(record.run_root, record.id).process));
}

int exec(const Roots& roots, const ExecOptions& options, launch::Keeper* keeper,
         const std::function<void()>& executed) {
  const Record record = find_running(roots, options.container);
  const std::string run_dir = record.run_root + "/" + record.id;
  const JoinNote note = read_join_note(record.run_root, record.id);
  const kernel::Fd first = kernel::noted_process(note.process);
  if (!first) refuse_ended(record);
  const launch::Process process = make_process(options, note.program, keeper != nullptr);
  launch::Joining joining = {.run_root = record.run_root, .id = record.id, .pidfd = &first};
  if (keeper != nullptr) joining.watch = keeper->watch();
  if (executed) joining.executed = [&](pid_t) { executed(); };
  try {
    kernel::shield_executable_from(kernel::noted_pid(note.process));
    parts::Parts parts = make_parts(options, run_dir, keeper);
    const Attributes who = {{"name", record.name}};
    const std::string words = fmt::format("{}", fmt::join(options.command, " "));
    for (const char* action : {"exec_create: ", "exec_start: "})
      tell(roots.data, "container", action + words, record.id, who);
    const int status = launch::join(process, parts, kernel::noted_pid(note.process), joining)->status();
    tell(roots.data, "container", "exec_die", record.id, {{"name", record.name}, {"exitCode", std::to_string(status)}});
    return status;
  } catch (Error& error) {
    if (error.code() == ESRCH || has_ended(note.process)) refuse_ended(record);
    // A pid namespace whose first process is dead takes no other: that is ENOMEM in pid_namespaces(7).
    if (error.code() == ENOMEM) error.with_hint("it may just have ended");
    throw;
  }
}

}  // namespace coracle::engine
