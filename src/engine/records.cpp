#include "engine/records.hpp"

#include <array>
#include <cctype>

#include <nlohmann/json.hpp>

#include "kernel/error.hpp"

namespace coracle::engine {
namespace {

using image::Statement;
using kernel::Error;

constexpr std::array kStates = {"created", "running", "restarting", "exited", "removing"};  // in State's order

State state_of(const std::string& text) {
  for (std::size_t i = 0; i < kStates.size(); ++i) {
    if (text == kStates[i]) return static_cast<State>(i);
  }
  throw Error("read the state \"" + text + "\" of a container", 0, "the record is damaged; remove it (coracle rm -f)");
}

Life life_of(const Statement& row, int column) {
  Life life;
  life.state = state_of(row.text(column));
  life.started = row.number(column + 1);
  life.finished = row.number(column + 2);
  life.status = static_cast<int>(row.number(column + 3));
  life.oom_killed = row.number(column + 4) != 0;
  life.error = row.text(column + 5);
  life.restarts = static_cast<int>(row.number(column + 6));
  life.stopped = row.number(column + 7) != 0;
  life.launcher = row.text(column + 8);
  life.health = row.text(column + 9);
  return life;
}

constexpr const char* kSelect =
    "SELECT id, name, image, command, created, run_root, options, state, started, finished, status, oom_killed, error,"
    " restarts, stopped, launcher, health FROM containers";

Record record_of(const Statement& row) {
  const auto command = nlohmann::json::parse(row.text(3), nullptr, false);
  Record record{row.text(0), row.text(1), row.text(2), {}, row.number(4), row.text(5), row.text(6), life_of(row, 7)};
  if (command.is_array()) command.get_to(record.command);
  return record;
}

}  // namespace

const char* text_of(State state) { return kStates[static_cast<std::size_t>(state)]; }

void Records::add(const Record& record) {
  Statement statement = database_.prepare(
      "INSERT INTO containers (id, name, image, command, created, run_root, options, state, started, launcher)"
      " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 WHERE EXISTS (SELECT 1 FROM images WHERE id=?3) RETURNING 1");
  const std::string command =
      nlohmann::json(record.command).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  statement.bind(record.id).bind(record.name).bind(record.image).bind(command).bind(record.created);
  statement.bind(record.run_root).bind(record.options).bind(text_of(record.life.state)).bind(record.life.started);
  try {
    if (!statement.bind(record.life.launcher).step()) {
      throw Error("use the image " + record.image, 0, "it has been removed meanwhile");
    }
    statement.step();
  } catch (const Error&) {
    if (!database_.was_not_unique()) throw;
    refuse_name(record.name);
  }
}

void Records::refuse_name(const std::string& name) {
  Statement holder = database_.prepare("SELECT id FROM containers WHERE name=?");
  const std::string id = holder.bind(name).step() ? holder.text(0) : "that has just been removed";
  throw Error("name the container \"" + name + "\"", 0,
              "the name is already in use by container " + id + "; remove or rename that one, or take another name");
}

void Records::remove(const std::string& id) { database_.prepare("DELETE FROM containers WHERE id=?").bind(id).step(); }

std::vector<Record> Records::all() {
  std::vector<Record> records;
  Statement statement = database_.prepare(std::string(kSelect) + " ORDER BY created DESC, id");
  while (statement.step()) records.push_back(record_of(statement));
  return records;
}

std::optional<Record> Records::find(const std::string& id) {
  Statement statement = database_.prepare(std::string(kSelect) + " WHERE id=?");
  if (!statement.bind(id).step()) return std::nullopt;
  return record_of(statement);
}

void Records::set_life(const std::string& id, const Life& life) {
  Statement statement = database_.prepare(
      "UPDATE containers SET state=?, started=?, finished=?, status=?, oom_killed=?, error=?, restarts=?, launcher=?"
      " WHERE id=?");
  statement.bind(text_of(life.state)).bind(life.started).bind(life.finished).bind(life.status);
  statement.bind(life.oom_killed ? 1 : 0).bind(life.error).bind(life.restarts).bind(life.launcher).bind(id).step();
}

void Records::set_stopped(const std::string& id, bool stopped) {
  database_.prepare("UPDATE containers SET stopped=? WHERE id=?").bind(stopped ? 1 : 0).bind(id).step();
}

void Records::set_health(const std::string& id, const std::string& health) {
  database_.prepare("UPDATE containers SET health=? WHERE id=?").bind(health).bind(id).step();
}

void Records::set_options(const std::string& id, const std::string& options) {
  database_.prepare("UPDATE containers SET options=? WHERE id=?").bind(options).bind(id).step();
}

void Records::set_name(const std::string& id, const std::string& name) {
  try {
    database_.prepare("UPDATE containers SET name=? WHERE id=?").bind(name).bind(id).step();
  } catch (const Error&) {
    if (!database_.was_not_unique()) throw;
    refuse_name(name);
  }
}

bool Records::is_stopped(const std::string& id) {
  Statement statement = database_.prepare("SELECT stopped FROM containers WHERE id=?");
  return !statement.bind(id).step() || statement.number(0) != 0;
}

void check_name(const std::string& name) {
  const auto is_plain = [](unsigned char c) { return c < 0x80 && std::isalnum(c) != 0; };
  bool good = name.size() >= 2 && name.size() <= 255 && is_plain(static_cast<unsigned char>(name[0]));
  for (const char c : name) {
    good = good && (is_plain(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-');
  }
  if (!good) {
    throw Error("name the container \"" + name + "\"", 0,
                "a name has 2 to 255 of a-z A-Z 0-9 _ . - and begins with a letter or a digit");
  }
}

}  // namespace coracle::engine
