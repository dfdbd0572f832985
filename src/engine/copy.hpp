// Files copied between the host and a container, one tree into another: what `coracle cp` does when it knows what goes
// where. Either side may belong to somebody who is changing it meanwhile: everything goes by descriptor, and no link is
// followed in a tree.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <sys/types.h>

#include "kernel/fd.hpp"

namespace coracle::engine {

struct CopyOptions {
  std::optional<std::pair<uid_t, gid_t>> owner;  // of all that is made; without one each keeps its own
  // Whether what is mounted at this path below `from` is copied too. "" is `from` itself, and is not asked.
  std::function<bool(const std::string&)> crosses = [](const std::string&) { return true; };
  std::function<void()> go_on = [] {};  // called for each file; it may throw
};

// Copies `from`, whatever it is, to `name` in the directory `to`; with an empty name what is in the directory `from`. A
// directory that is there is filled, a file that is there is replaced. Throws Error when one is to become the other.
void copy_files(const kernel::Fd& from, const kernel::Fd& to, const std::string& name, const CopyOptions& options);

}  // namespace coracle::engine
