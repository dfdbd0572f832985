#include "launch/rootless.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include <pwd.h>
#include <unistd.h>

#include "kernel/error.hpp"
#include "kernel/own_user_namespace.hpp"

namespace coracle::launch {
namespace {

using kernel::IdMap;

// Asked before anybody enters a namespace: afterwards the answer is 0.
uid_t first_uid() {
  static const uid_t uid = geteuid();
  return uid;
}

// Between the two halves of becoming root.
std::optional<kernel::NewUserNamespace> coming;

struct Maps {
  IdMap uids, gids;
};

// What this user may map; a reason when it is one id only.
std::optional<std::string> find_maps(Maps& maps) {
  const std::string name = user_name(first_uid());
  maps.uids = kernel::subordinate_ids("/etc/subuid", first_uid(), name);
  maps.gids = kernel::subordinate_ids("/etc/subgid", first_uid(), name);
  if (maps.uids.empty() || maps.gids.empty()) {
    return std::string(maps.uids.empty() ? "/etc/subuid" : "/etc/subgid") +
           " gives this user no ids (as root: usermod " + "--add-subuids 100000-165535 --add-subgids 100000-165535 " +
           (name.empty() ? "USER" : name) + ")";
  }
  for (const char* program : {"newuidmap", "newgidmap"}) {
    if (auto reason = kernel::why_no_map_writer(program)) return reason;
  }
  maps.uids.insert(maps.uids.begin(), {0, first_uid(), 1});
  maps.gids.insert(maps.gids.begin(), {0, getegid(), 1});
  return std::nullopt;
}

}  // namespace

void begin_to_become_root_inside(const std::string& name) {
  if (!rootless() || geteuid() == 0 || coming) return;
  Maps maps;
  const std::optional<std::string> alone = find_maps(maps);
  if (!alone) {
    coming.emplace(maps.uids, maps.gids);
    return;
  }
  std::fprintf(stderr,
               "%s: note: without ids of its own a container has root alone: other users and owners of files cannot be "
               "had; %s\n",
               name.c_str(), alone->c_str());
  kernel::enter_user_namespace_alone();
}

void become_root_inside(const std::string& name) {
  begin_to_become_root_inside(name);
  if (coming) coming->finish();
  coming.reset();
}

bool rootless() { return first_uid() != 0; }

unsigned host_uid() { return first_uid(); }

// Not getpwuid(3), which loads libraries at run time.
std::string user_name(unsigned uid) {
  const std::unique_ptr<std::FILE, decltype([](std::FILE* file) { std::fclose(file); })> file(
      std::fopen("/etc/passwd", "re"));
  while (const passwd* entry = file ? ::fgetpwent(file.get()) : nullptr) {
    if (entry->pw_uid == uid) return entry->pw_name;
  }
  const char* login = std::getenv("USER");  // of a directory service; newuidmap asks that itself
  return login != nullptr ? login : "";
}

std::string user_data_home() {
  if (const char* chosen = std::getenv("XDG_DATA_HOME"); chosen != nullptr && *chosen == '/') return chosen;
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return std::string(home) + "/.local/share";
  throw kernel::Error("find the directory for images", 0, "$HOME says nothing; name one in CORACLE_ROOT");
}

}  // namespace coracle::launch
