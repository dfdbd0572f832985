#include "engine/engine.hpp"

#include "engine/names.hpp"
#include "kernel/error.hpp"
#include "kernel/fd.hpp"
#include "launch/assemble.hpp"
#include "launch/launch.hpp"
#include "launch/rootless.hpp"
#include "launch/run_directory.hpp"
#include "parts/network/bridge.hpp"

namespace coracle::engine {
namespace {

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
      networks(database) {
  if (!outside) launch::become_root_inside("coracle");
}

std::vector<std::string> Engine::sweep() {
  parts::Parts parts = launch::every_part();
  std::vector<std::string> left_behind = launch::sweep(roots.run, parts);
  for (const Record& record : records.all()) {
    if (!launch::RunDirectory::held(record.run_root, record.id)) forget(record);
  }
  store.sweep();
  if (!launch::rootless()) parts::restore_rules(roots.run);
  return left_behind;
}

void Engine::forget(const Record& record) {
  const std::string directory = containers_dir() + "/" + record.id;
  if (kernel::exists(directory)) kernel::remove_tree(directory);
  if (record.name != record.id) unlink_name(roots.data, record.name);
  records.remove(record.id);
}

}  // namespace coracle::engine
