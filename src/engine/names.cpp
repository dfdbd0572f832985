#include "engine/names.hpp"

#include <cerrno>
#include <climits>

#include <unistd.h>

#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"

namespace coracle::engine {
namespace {

std::string link_of(const std::string& data_root, const std::string& name) { return data_root + "/names/" + name; }

}  // namespace

void link_name(const std::string& data_root, const std::string& name, const std::string& id) {
  const std::string link = link_of(data_root, name);
  unlink_name(data_root, name);
  kernel::make_directories(data_root + "/names", 0700);
  kernel::attempt([&] { return symlink(id.c_str(), link.c_str()); }, "symlink {} {}", id, link);
}

void unlink_name(const std::string& data_root, const std::string& name) {
  const std::string link = link_of(data_root, name);
  if (kernel::note_call([&] { return unlink(link.c_str()); }, "unlink {}", link) < 0 && errno != ENOENT)
    throw kernel::Error("unlink " + link, errno);
}

std::string linked_id(const std::string& data_root, const std::string& text) {
  if (text.empty() || text.find('/') != std::string::npos) return {};
  char id[NAME_MAX];
  const ssize_t length = readlink(link_of(data_root, text).c_str(), id, sizeof id);
  if (length > 0) return {id, static_cast<std::size_t>(length)};
  return kernel::exists(data_root + "/containers/" + text) ? text : "";
}

}  // namespace coracle::engine
