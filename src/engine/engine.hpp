// The engine: what every command begins with. The state is opened, and what was left behind by commands that were
// killed is cleared away.
#pragma once

#include <string>
#include <vector>

#include "engine/container_lock.hpp"
#include "engine/networks.hpp"
#include "engine/records.hpp"
#include "engine/volumes.hpp"
#include "image/database.hpp"
#include "image/store.hpp"

namespace coracle::engine {

struct Roots {
  std::string data;  // images, volumes, containers; see image::default_root()
  std::string run;   // the state of what runs; see launch::default_run_root()
};

class Engine {
 public:
  // Makes what is missing. Throws Error when the roots may not be used. An ordinary user becomes root inside a user
  // namespace, as who makes containers has to be; with `outside` not: what their processes are told from outside, and
  // who joins them, has power over their namespaces as the user that made those (user_namespaces(7)).
  explicit Engine(Roots roots, bool outside = false);

  // Unmakes what killed commands left: containers whose launching process is dead, images half made. Gives what
  // could not be undone, and which containers ended because nobody looked after them any more.
  std::vector<std::string> sweep();

  std::string containers_dir() const { return roots.data + "/containers"; }
  std::string container_dir(const std::string& id) const { return containers_dir() + "/" + id; }
  std::string volumes_dir() const { return roots.data + "/volumes"; }
  std::string cache_dir() const { return roots.data + "/seccomp"; }

  // Removes the record, the link and the directory of a container that does not run. Whoever calls it holds its lock.
  void forget(const Record& record);

  // Whether somebody launched it who is there to look after it.
  bool runs(const Record& record) const { return ContainerLock::held(container_dir(record.id)); }

  // In the order in which they stand on each other.
  const Roots roots;
  image::Database database;
  image::Store store;
  Records records;
  Networks networks;
  Volumes volumes;

 private:
  void settle(const Record& seen);
};

// Nanoseconds since 1970.
std::int64_t now();

}  // namespace coracle::engine
