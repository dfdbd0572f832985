// The records of containers, in the state database: a name is taken while its record is there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "image/database.hpp"

namespace coracle::engine {

enum class State { created, running, restarting, exited, removing };

// The word in the database, and docker's: "created".
const char* text_of(State state);

// How it goes with a container. Times are nanoseconds since 1970; 0 is never.
struct Life {
  State state = State::created;
  std::int64_t started = 0, finished = 0;
  int status = 0;  // of the program, when it has ended
  bool oom_killed = false;
  std::string error;        // why it could not be started
  int restarts = 0;         // by its restart policy
  bool stopped = false;     // by a person, so that the restart policy leaves it alone
  std::string launcher;     // kernel::process_note() of who launched it: the command itself, or its supervisor
  std::string health = {};  // JSON of what the health check found (engine/health.hpp); "" has none
};

struct Record {
  std::string id;
  std::string name;
  std::string image;                 // its id
  std::vector<std::string> command;  // what runs in it
  std::int64_t created = 0;          // nanoseconds since 1970
  std::string run_root;              // where the launching process holds its run directory (launch/run_directory.hpp)
  std::string options;               // what it was made with: RunOptions as JSON (engine/options_json.hpp)
  Life life;
};

class Records {
 public:
  explicit Records(image::Database& database) : database_(database) {}

  // Throws Error when the name is in use, or the image has been removed: one that has a record stays.
  void add(const Record& record);
  void remove(const std::string& id);
  std::vector<Record> all();  // the latest first
  std::optional<Record> find(const std::string& id);

  // Each writes one side of a record that others may be writing at another. They do nothing when there is none.
  void set_life(const std::string& id, const Life& life);  // all but `stopped` and `health`
  void set_stopped(const std::string& id, bool stopped);
  void set_health(const std::string& id, const std::string& health);
  void set_options(const std::string& id, const std::string& options);
  void set_name(const std::string& id, const std::string& name);  // throws Error as add() does
  bool is_stopped(const std::string& id);                         // also when there is no record any more

 private:
  [[noreturn]] void refuse_name(const std::string& name);

  image::Database& database_;
};

// Throws Error when docker would not take it as the name of a container.
void check_name(const std::string& name);

}  // namespace coracle::engine
