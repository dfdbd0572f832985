#include "engine/records.hpp"

#include <cctype>

#include <nlohmann/json.hpp>

#include "kernel/error.hpp"

namespace coracle::engine {

using image::Statement;
using kernel::Error;

void Records::add(const Record& record) {
  Statement statement = database_.prepare(
      "INSERT INTO containers (id, name, image, command, created, run_root) SELECT ?1, ?2, ?3, ?4, ?5, ?6"
      " WHERE EXISTS (SELECT 1 FROM images WHERE id=?3) RETURNING 1");
  const std::string command =
      nlohmann::json(record.command).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  statement.bind(record.id).bind(record.name).bind(record.image).bind(command).bind(record.created);
  try {
    if (!statement.bind(record.run_root).step()) {
      throw Error("use the image " + record.image, 0, "it has been removed meanwhile");
    }
    statement.step();
  } catch (const Error&) {
    if (!database_.was_not_unique()) throw;
    Statement holder = database_.prepare("SELECT id FROM containers WHERE name=?");
    const std::string id = holder.bind(record.name).step() ? holder.text(0) : "that has just ended";
    throw Error("name the container \"" + record.name + "\"", 0,
                "the name is already in use by container " + id + "; end that one, or take another name");
  }
}

void Records::remove(const std::string& id) { database_.prepare("DELETE FROM containers WHERE id=?").bind(id).step(); }

std::vector<Record> Records::all() {
  std::vector<Record> records;
  Statement statement = database_.prepare("SELECT id, name, image, command, created, run_root FROM containers");
  while (statement.step()) {
    const auto command = nlohmann::json::parse(statement.text(3), nullptr, false);
    Record record{statement.text(0), statement.text(1), statement.text(2), {}, statement.number(4), statement.text(5)};
    if (command.is_array()) command.get_to(record.command);
    records.push_back(std::move(record));
  }
  return records;
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
