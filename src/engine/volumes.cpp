#include "engine/volumes.hpp"

#include <array>
#include <ctime>

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <nlohmann/json.hpp>

#include "kernel/error.hpp"
#include "kernel/fd.hpp"
#include "kernel/inode.hpp"
#include "kernel/recorder.hpp"
#include "parts/volumes.hpp"
#include "parts/volumes/device.hpp"
#include "parts/volumes/named_volume.hpp"

namespace coracle::engine {
namespace {

using image::Statement;
using kernel::Error;
using nlohmann::json;
using Words = VolumeRecord::Words;

std::string text_of(const Words& words) { return json(words).dump(-1, ' ', false, json::error_handler_t::replace); }

Words words_of(const std::string& text) {
  Words words;
  const json read = json::parse(text, nullptr, false);
  for (const auto& [name, value] : read.items()) {
    if (value.is_string()) words[name] = value.get<std::string>();
  }
  return words;
}

VolumeRecord read_row(const Statement& row) {
  return {row.text(0), words_of(row.text(1)), words_of(row.text(2)), row.number(3)};
}

// Others may lie in the directory as well: lost+found.
bool is_name(const std::string& text) {
  try {
    parts::check_volume_name(text);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

VolumeRecord Volumes::without_row(const std::string& name) const {
  struct stat status {};
  stat(directory_of(name).c_str(), &status);
  return {.name = name, .created = status.st_mtim.tv_sec};
}

std::vector<VolumeRecord> Volumes::all() {
  std::map<std::string, VolumeRecord> found;
  if (kernel::exists(directory_)) {
    for (const std::string& name : kernel::list(kernel::open(directory_, O_RDONLY | O_DIRECTORY)))
      if (is_name(name)) found[name] = without_row(name);
  }
  Statement statement = database_.prepare("SELECT name, options, labels, created FROM volumes");
  while (statement.step()) found[statement.text(0)] = read_row(statement);
  std::vector<VolumeRecord> volumes;
  for (auto& [name, volume] : found) volumes.push_back(std::move(volume));
  return volumes;
}

std::optional<VolumeRecord> Volumes::find(const std::string& name) {
  Statement statement = database_.prepare("SELECT name, options, labels, created FROM volumes WHERE name=?");
  if (statement.bind(name).step()) return read_row(statement);
  if (!is_name(name) || !kernel::exists(directory_of(name))) return std::nullopt;
  return without_row(name);
}

void Volumes::create(const VolumeRecord& volume) {
  parts::check_volume_name(volume.name);
  parts::parse_device(volume.options);
  if (find(volume.name)) return;
  note(volume);
  parts::open_named_volume(directory_of(volume.name), {});
}

void Volumes::note(const VolumeRecord& volume) {
  Statement statement =
      database_.prepare("INSERT OR IGNORE INTO volumes (name, options, labels, created) VALUES (?, ?, ?, ?)");
  statement.bind(volume.name).bind(text_of(volume.options)).bind(text_of(volume.labels));
  statement.bind(std::int64_t{std::time(nullptr)}).step();
}

// A start adds its record before it locks the directory, and we look at the records when we have the lock: either we
// see the record, or the start finds the directory gone and makes another one.
void Volumes::remove(const std::string& name, const std::function<void()>& check) {
  const std::string path = directory_of(name);
  if (kernel::exists(path)) {
    parts::leave_device(path);
    parts::remove_named_volume(path, check);
  } else {
    check();
  }
  database_.prepare("DELETE FROM volumes WHERE name=?").bind(name).step();
}

std::string chance_volume_name() {
  std::array<unsigned char, 32> chance{};
  kernel::attempt([&] { return getrandom(chance.data(), chance.size(), 0); }, "getrandom");
  std::string name;
  for (const unsigned char byte : chance) name += fmt::format("{:02x}", byte);
  return name;
}

}  // namespace coracle::engine
