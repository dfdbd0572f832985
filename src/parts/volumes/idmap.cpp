#include "parts/volumes/idmap.hpp"

#include <charconv>
#include <cstdint>
#include <limits>
#include <vector>

#include <fmt/format.h>
#include <sys/mount.h>

#include "kernel/mount.hpp"
#include "kernel/recorder.hpp"
#include "kernel/user_namespace.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;
using kernel::IdMapping;
using Mappings = std::vector<IdMapping>;

constexpr std::uint32_t kLastId = std::numeric_limits<std::uint32_t>::max() - 1;

struct Maps {
  Mappings uids, gids;
};

[[noreturn]] void refuse(const std::string& text) {
  throw Error(
      "read the idmap \"" + text + "\"", 0,
      "it is idmap alone, or idmap=uids=FILE-SEEN-COUNT#...;gids=FILE-SEEN-COUNT: idmap=uids=1000-0-1;gids=1000-0-1");
}

std::uint32_t read_number(const std::string& text, std::size_t& at, char end, const std::string& all) {
  std::uint32_t number = 0;
  const auto [rest, error] = std::from_chars(text.data() + at, text.data() + text.size(), number);
  at = static_cast<std::size_t>(rest - text.data());
  if (error != std::errc() || (end != 0 && (at == text.size() || text[at++] != end))) refuse(all);
  return number;
}

Mappings read_mappings(const std::string& text, const std::string& all) {
  Mappings mappings;
  for (std::size_t at = 0;; ++at) {
    IdMapping mapping;
    mapping.container = read_number(text, at, '-', all);
    mapping.host = read_number(text, at, '-', all);
    mapping.size = read_number(text, at, 0, all);
    if (mapping.size == 0) refuse(all);
    mappings.push_back(mapping);
    if (at == text.size()) return mappings;
    if (text[at] != '#') refuse(all);
  }
}

Maps read_maps(const std::string& text) {
  Maps maps;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(';', at), text.size());
    const std::string list = text.substr(at, end - at);
    Mappings& mappings = list.starts_with("uids=") ? maps.uids : maps.gids;
    if (!(list.starts_with("uids=") || list.starts_with("gids=")) || !mappings.empty()) refuse(text);
    mappings = read_mappings(list.substr(5), text);
    at = end + 1;
  }
  return maps;
}

// `id` and 0 change places, and all others stay.
Mappings exchange_with_root(std::uint32_t id) {
  if (id == 0) return {{0, 0, kLastId}};
  Mappings mappings = {{0, id, 1}, {id, 0, 1}};
  if (id > 1) mappings.push_back({1, 1, id - 1});
  if (id < kLastId) mappings.push_back({id + 1, id + 1, kLastId - id});
  return mappings;
}

Maps maps_of(const std::string& idmap, const std::string& source) {
  if (idmap != "owner") {
    Maps maps = read_maps(idmap);
    // A namespace without a map has no ids at all, not even for what was not spoken of.
    if (maps.uids.empty()) maps.uids = {{0, 0, kLastId}};
    if (maps.gids.empty()) maps.gids = {{0, 0, kLastId}};
    return maps;
  }
  struct stat status {};
  stat(source.c_str(), &status);  // what is made for us is root's
  return {exchange_with_root(status.st_uid), exchange_with_root(status.st_gid)};
}

}  // namespace

void check_idmap(const std::string& idmap) {
  if (idmap != "owner") read_maps(idmap);
}

Fd make_idmap(const std::string& idmap, const std::string& source) {
  const Maps maps = maps_of(idmap, source);
  return kernel::make_user_namespace(maps.uids, maps.gids);
}

void apply_idmap(const Fd& tree, const Fd& user_namespace) {
  try {
    kernel::mount_setattr(tree, {.user_namespace = &user_namespace}, false);
  } catch (const Error& error) {
    throw Error("idmap: " + error.attempt(), error.code(),
                error.code() == EPERM ? "ids of a file system are root's to change"
                                      : "the file system cannot show its files with other ids (mount_setattr(2))");
  }
}

}  // namespace coracle::parts
