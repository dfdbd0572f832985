#include "launch/user.hpp"

#include <charconv>
#include <optional>
#include <string_view>

#include "kernel/fd.hpp"
#include "kernel/inode.hpp"
#include "kernel/recorder.hpp"

namespace coracle::launch {
namespace {

using kernel::Error;

// Whose files these are: a directory, or the root of this process.
using Root = const kernel::Fd*;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> fields;
  while (true) {
    const std::size_t end = text.find(separator);
    fields.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return fields;
    text.remove_prefix(end + 1);
  }
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<std::uint32_t> id_number(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!all_digits(text) || error != std::errc() || number > 0x7fffffff) return std::nullopt;
  return number;
}

// The lines of a colon-separated file; none when it is not there or is not a regular file (a fifo would hang us,
// CVE-2024-9676).
std::vector<std::vector<std::string_view>> read_table(Root root, const std::string& path, std::string& storage) {
  std::vector<std::vector<std::string_view>> rows;
  if (root == nullptr && !kernel::exists(path)) return rows;
  const kernel::Fd file = root == nullptr ? kernel::open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
                                          : kernel::find_regular_in_root(*root, path);
  if (!file) return rows;
  struct stat status {};
  if (fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return rows;
  try {
    storage = kernel::read_all(file);
  } catch (Error& error) {  // CVE-2026-47262
    throw error.with_hint("it is the container's " + path);
  }
  for (const std::string_view line : split(storage, '\n')) rows.push_back(split(line, ':'));
  return rows;
}

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw Error("run as user \"" + text + "\"", 0, why + "; allowed are NAME, UID, NAME:GROUP and UID:GID");
}

std::optional<gid_t> group_named(Root root, std::string_view group) {
  std::string storage;
  for (const auto& row : read_table(root, "/etc/group", storage)) {
    if (row.size() >= 3 && row[0] == group) {
      if (const auto number = id_number(row[2])) return *number;
    }
  }
  return std::nullopt;
}

gid_t find_group(Root root, const std::string& text, std::string_view group) {
  if (const auto number = id_number(group)) return *number;
  if (all_digits(group)) refuse(text, "a group id goes from 0 to 2147483647");
  if (const auto number = group_named(root, group)) return *number;
  refuse(text, "the container's /etc/group has no such group");
}

// The groups of the container's /etc/group that list the user.
void add_memberships(Root root, User& user, std::string_view name) {
  std::string storage;
  for (const auto& row : read_table(root, "/etc/group", storage)) {
    if (row.size() < 4) continue;
    for (const std::string_view member : split(row[3], ',')) {
      const auto number = id_number(row[2]);
      if (member == name && number && *number != user.gid) user.groups.push_back(*number);
    }
  }
}

}  // namespace

User find_user(const std::string& text, const kernel::Fd* root) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.empty() ? "0" : std::string_view(text).substr(0, colon);
  const std::optional<std::uint32_t> number = id_number(name);
  if (name.empty() || (!number && all_digits(name)) || name[0] == '-')
    refuse(text, "a user id goes from 0 to 2147483647");
  User user;
  user.uid = number.value_or(0);
  bool found = number.has_value();
  std::string storage;
  for (const auto& row : read_table(root, "/etc/passwd", storage)) {
    if (row.size() < 6) continue;
    const auto uid = id_number(row[2]);
    const auto gid = id_number(row[3]);
    if (!uid || !gid || (number ? *uid != *number : row[0] != name)) continue;
    user.uid = *uid;
    user.gid = *gid;
    if (!row[5].empty()) user.home = row[5];
    if (colon == std::string::npos) add_memberships(root, user, row[0]);
    found = true;
    break;
  }
  if (!found) refuse(text, "the container's /etc/passwd has no such user");
  if (colon != std::string::npos) user.gid = find_group(root, text, std::string_view(text).substr(colon + 1));
  user.groups.insert(user.groups.begin(), user.gid);
  return user;
}

gid_t find_group(const std::string& group) {
  if (const auto number = id_number(group)) return *number;
  if (!all_digits(group)) {
    if (const auto number = group_named(nullptr, group)) return *number;
  }
  throw Error("add the group \"" + group + "\"", 0,
              "the container's /etc/group has no such group, and a number goes from 0 to 2147483647");
}

}  // namespace coracle::launch
