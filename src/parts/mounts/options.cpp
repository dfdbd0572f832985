#include "parts/mounts/options.hpp"

#include <algorithm>
#include <string_view>

#include <linux/mount.h>
#include <sys/mount.h>

#include "parts/mounts.hpp"

namespace coracle::parts {
namespace {

// An attribute of a mount: its bit for mount(2), its bit for mount_setattr(2), whether the word takes it away.
// With an "r" before it the word is for the mounts below as well.
struct Attribute {
  std::string_view name;
  unsigned long flag;
  std::uint64_t attribute;
  bool clears;
};

constexpr Attribute kAttributes[] = {
    {"ro", MS_RDONLY, MOUNT_ATTR_RDONLY, false},
    {"rw", MS_RDONLY, MOUNT_ATTR_RDONLY, true},
    {"nosuid", MS_NOSUID, MOUNT_ATTR_NOSUID, false},
    {"suid", MS_NOSUID, MOUNT_ATTR_NOSUID, true},
    {"nodev", MS_NODEV, MOUNT_ATTR_NODEV, false},
    {"dev", MS_NODEV, MOUNT_ATTR_NODEV, true},
    {"noexec", MS_NOEXEC, MOUNT_ATTR_NOEXEC, false},
    {"exec", MS_NOEXEC, MOUNT_ATTR_NOEXEC, true},
    {"nodiratime", MS_NODIRATIME, MOUNT_ATTR_NODIRATIME, false},
    {"diratime", MS_NODIRATIME, MOUNT_ATTR_NODIRATIME, true},
    {"noatime", MS_NOATIME, MOUNT_ATTR_NOATIME, false},
    {"atime", MS_NOATIME, MOUNT_ATTR_NOATIME, true},
    {"relatime", MS_RELATIME, MOUNT_ATTR_RELATIME, false},
    {"norelatime", MS_RELATIME, MOUNT_ATTR_RELATIME, true},
    {"strictatime", MS_STRICTATIME, MOUNT_ATTR_STRICTATIME, false},
    {"nostrictatime", MS_STRICTATIME, MOUNT_ATTR_STRICTATIME, true},
    {"nosymfollow", MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW, false},
    {"symfollow", MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW, true},
};

// What belongs to a whole file system: a bind mount cannot have another.
constexpr Attribute kSuperAttributes[] = {
    {"sync", MS_SYNCHRONOUS, 0, false},   {"async", MS_SYNCHRONOUS, 0, true},    {"dirsync", MS_DIRSYNC, 0, false},
    {"mand", MS_MANDLOCK, 0, false},      {"nomand", MS_MANDLOCK, 0, true},      {"lazytime", MS_LAZYTIME, 0, false},
    {"nolazytime", MS_LAZYTIME, 0, true}, {"silent", MS_SILENT, 0, false},       {"loud", MS_SILENT, 0, true},
    {"iversion", MS_I_VERSION, 0, false}, {"noiversion", MS_I_VERSION, 0, true}, {"defaults", 0, 0, false},
};

struct PropagationWord {
  std::string_view name;
  std::uint64_t type;
};

constexpr PropagationWord kPropagation[] = {
    {"shared", MS_SHARED}, {"slave", MS_SLAVE}, {"private", MS_PRIVATE}, {"unbindable", MS_UNBINDABLE}};

template <typename Table>
auto find(const Table& table, std::string_view name) -> decltype(std::begin(table)) {
  const auto found =
      std::find_if(std::begin(table), std::end(table), [&](const auto& entry) { return entry.name == name; });
  return found == std::end(table) ? nullptr : found;
}

void apply(const Attribute& word, std::uint64_t& set, std::uint64_t& clear) {
  // The times are one field of several bits: it is cleared as a whole before it is set (mount_setattr(2)).
  const bool is_time = word.attribute == MOUNT_ATTR_RELATIME || (word.attribute & MOUNT_ATTR__ATIME) != 0;
  const std::uint64_t field = is_time ? MOUNT_ATTR__ATIME : word.attribute;
  set &= ~field;
  clear |= field;
  if (word.clears) return;
  set |= word.attribute;
  if (!is_time) clear &= ~field;
}

void add_flag(const Attribute& word, unsigned long& flags) {
  flags = word.clears ? flags & ~word.flag : flags | word.flag;
}

bool read_attribute(MountFlags& result, std::string_view option) {
  if (const Attribute* word = find(kSuperAttributes, option)) {
    add_flag(*word, result.flags);
    return true;
  }
  if (const Attribute* word = find(kAttributes, option)) {
    add_flag(*word, result.flags);
    apply(*word, result.set, result.clear);
    return true;
  }
  const Attribute* word = option.front() == 'r' ? find(kAttributes, option.substr(1)) : nullptr;
  if (word == nullptr) return false;
  apply(*word, result.set_below, result.clear_below);
  return true;
}

bool read_propagation(MountFlags& result, std::string_view option) {
  const PropagationWord* word = find(kPropagation, option);
  const bool recursive = word == nullptr && option.front() == 'r';
  if (recursive) word = find(kPropagation, option.substr(1));
  if (word == nullptr) return false;
  result.propagation.push_back({word->type, recursive});
  return true;
}

bool read_word(MountFlags& result, std::string_view option) {
  if (option == "bind" || option == "rbind") {
    result.bind = true;
    result.recursive = option == "rbind";
  } else if (option == "remount") {
    result.remount = true;
  } else if (option == "tmpcopyup") {
    result.copy_up = true;
  } else if (option == "idmap" || option == "ridmap") {
    result.idmap = true;
    result.idmap_recursive = option == "ridmap";
  } else {
    return false;
  }
  return true;
}

}  // namespace

MountFlags read_mount_options(const std::vector<std::string>& options) {
  MountFlags result;
  for (const std::string& option : options) {
    if (option.empty() || read_word(result, option) || read_propagation(result, option) ||
        read_attribute(result, option))
      continue;
    if (!result.data.empty()) result.data += ",";
    result.data += option;
  }
  return result;
}

std::vector<std::string> known_mount_options() {
  std::vector<std::string> words = {"bind", "rbind", "remount", "tmpcopyup", "idmap", "ridmap"};
  for (const Attribute& word : kAttributes) {
    words.emplace_back(word.name);
    words.push_back("r" + std::string(word.name));
  }
  for (const Attribute& word : kSuperAttributes) words.emplace_back(word.name);
  for (const PropagationWord& word : kPropagation) {
    words.emplace_back(word.name);
    words.push_back("r" + std::string(word.name));
  }
  std::sort(words.begin(), words.end());
  return words;
}

}  // namespace coracle::parts
