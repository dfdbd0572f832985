#include "engine/engine.hpp"

#include <ctime>
#include <optional>
#include <set>

#include <unistd.h>

#include "engine/container_events.hpp"
#include "engine/names.hpp"
#include "engine/options_json.hpp"
#include "engine/volume_use.hpp"
#include "kernel/error.hpp"
#include "kernel/fd.hpp"
#include "kernel/inode.hpp"
#include "launch/assemble.hpp"
#include "launch/launch.hpp"
#include "launch/rootless.hpp"
#include "launch/run_directory.hpp"
#include "parts/network/bridge.hpp"

namespace coracle::engine {
namespace {

constexpr int kNobodyKnows = 255;  // as docker has it for a container whose end it did not see

bool is_said_to_run(const Record& record) {
  return record.life.state != State::created && record.life.state != State::exited;
}

Roots checked(Roots roots, bool outside) {
  image::make_root(roots.data);
  if (launch::rootless() && !outside) launch::end_abandoned(roots.run);
  if (!outside) launch::begin_to_become_root_inside("coracle");
  return roots;
}

}  // namespace

Engine::Engine(Roots chosen, bool outside)
    : roots(checked(std::move(chosen), outside)),
      database(roots.data),
      store(roots.data, database),
      records(database),
      networks(database),
      volumes(database, roots.data + "/volumes") {
  if (!outside) launch::become_root_inside("coracle");
}

std::vector<std::string> Engine::sweep() {
  if (launch::rootless() && geteuid() != 0) launch::end_abandoned(roots.run);
  launch::become_root_inside("coracle");
  parts::Parts parts = launch::every_part();
  std::vector<std::string> left_behind = launch::sweep(roots.run, parts);
  std::set<std::string> known;
  for (const Record& record : records.all()) {
    known.insert(record.id);
    if (is_said_to_run(record) && !runs(record)) settle(record);
  }
  if (kernel::exists(containers_dir())) {
    for (const std::string& id : kernel::list(kernel::open(containers_dir(), O_RDONLY | O_DIRECTORY))) {
      if (known.contains(id) || records.find(id)) continue;
      const auto lock = ContainerLock::take(container_dir(id));
      if (lock && !records.find(id)) kernel::remove_tree(container_dir(id));
    }
  }
  store.sweep();
  if (!launch::rootless()) parts::restore_rules(roots.run);
  return left_behind;
}

// What is written of it is that it runs, and nobody is there who launched it: that one was killed, or the machine went
// down.
void Engine::settle(const Record& seen) {
  const auto lock = ContainerLock::take(container_dir(seen.id));
  if (!lock && kernel::exists(container_dir(seen.id))) return;  // somebody else is at it
  std::optional<Record> record = records.find(seen.id);
  if (!record || !is_said_to_run(*record)) return;  // it ended, and that was written, a moment ago
  if (record->life.state == State::removing || parse_options(record->options).remove) return forget(*record);
  tell(*this, *record, "die", {{"exitCode", std::to_string(kNobodyKnows)}});
  record->life.state = State::exited;
  record->life.status = kNobodyKnows;
  record->life.finished = now();
  record->life.error = "who looked after it was killed";
  records.set_life(record->id, record->life);
}

void Engine::forget(const Record& record) {
  // First the record: when we are killed now, the next sweep finds a directory that belongs to nobody.
  const auto current = records.find(record.id);
  if (current) unlink_name(roots.data, current->name);
  records.remove(record.id);
  if (current) tell(*this, *current, "destroy");
  kernel::remove_tree(container_dir(record.id));
  if (has_anonymous_volumes(record) && parse_options(record.options).remove) remove_anonymous_volumes(*this, record);
}

std::int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace coracle::engine
