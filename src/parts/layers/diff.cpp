#include "parts/layers/diff.hpp"

#include <algorithm>
#include <set>

#include "kernel/inode.hpp"
#include "kernel/own_user_namespace.hpp"

namespace coracle::parts {
namespace {

using kernel::Fd;

bool is_whiteout(const struct stat& status) { return S_ISCHR(status.st_mode) && status.st_rdev == 0; }

// A directory of the stack, "" for its top: in `upper`, and in those of the layers below that are merged into it.
struct Merged {
  std::string path;
  std::vector<std::size_t> lower;  // indices, the highest layer first
};

class Differ {
 public:
  Differ(const std::string& upper, const std::vector<std::string>& lower)
      : upper_(kernel::open(upper, O_PATH | O_DIRECTORY)) {
    for (auto layer = lower.rbegin(); layer != lower.rend(); ++layer) {
      layers_.push_back(kernel::open(*layer, O_PATH | O_DIRECTORY));
      if (is_opaque(layers_.back())) break;  // the layers below it are not in the stack
    }
  }

  std::vector<Change> run();

 private:
  bool is_opaque(const Fd& directory) const { return kernel::getxattr(directory, opaque_) == "y"; }
  void compare(const Merged& directory);
  void entry(const Merged& directory, const Fd& upper, const std::string& name);
  void deleted_by_opaque(const Merged& directory, const Fd& upper);
  bool below(const Merged& directory, const std::string& name, std::vector<std::size_t>& merged) const;

  const std::string opaque_ = kernel::overlay_xattr("opaque");
  Fd upper_;
  std::vector<Fd> layers_;
  std::vector<Merged> todo_;  // in place of recursion: a container may nest directories as deep as it likes
  std::vector<Change> changes_;
};

// Both trees were written by somebody else: no link in them is followed.
Fd open_below(const Fd& root, const std::string& path) {
  return kernel::open_in_root(root, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);
}

std::vector<Change> Differ::run() {
  Merged top;
  for (std::size_t index = 0; index < layers_.size(); ++index) top.lower.push_back(index);
  todo_.push_back(top);
  while (!todo_.empty()) {
    const Merged directory = std::move(todo_.back());
    todo_.pop_back();
    compare(directory);
  }
  std::sort(changes_.begin(), changes_.end(),
            [](const Change& one, const Change& other) { return one.path < other.path; });
  return std::move(changes_);
}

void Differ::compare(const Merged& directory) {
  const Fd upper = open_below(upper_, directory.path);
  for (const std::string& name : kernel::list(upper)) entry(directory, upper, name);
  if (!directory.path.empty() && is_opaque(upper)) deleted_by_opaque(directory, upper);
}

void Differ::entry(const Merged& directory, const Fd& upper, const std::string& name) {
  const auto status = kernel::fstatat(upper, name);
  if (!status) return;
  const std::string path = directory.path + "/" + name;
  Merged child{path, {}};
  const bool was_there = below(directory, name, child.lower);
  if (is_whiteout(*status)) {
    if (was_there) changes_.push_back({'D', path});
    return;
  }
  changes_.push_back({was_there ? 'C' : 'A', path});
  if (S_ISDIR(status->st_mode)) todo_.push_back(std::move(child));
}

// The names that an opaque directory hides and does not have itself.
void Differ::deleted_by_opaque(const Merged& directory, const Fd& upper) {
  std::set<std::string> names;
  for (const std::size_t index : directory.lower) {
    for (std::string& name : kernel::list(open_below(layers_[index], directory.path))) names.insert(std::move(name));
  }
  std::vector<std::size_t> merged;
  for (const std::string& name : names) {
    if (!kernel::fstatat(upper, name) && below(directory, name, merged))
      changes_.push_back({'D', directory.path + "/" + name});
  }
}

// Whether the layers show `name` in this directory; `merged` becomes those whose directories of that name are merged.
bool Differ::below(const Merged& directory, const std::string& name, std::vector<std::size_t>& merged) const {
  merged.clear();
  for (const std::size_t index : directory.lower) {
    const Fd parent = open_below(layers_[index], directory.path);
    const auto status = kernel::fstatat(parent, name);
    if (!status) continue;
    if (is_whiteout(*status)) return !merged.empty();
    if (!S_ISDIR(status->st_mode)) return true;  // below a directory it is hidden, else it is what is seen
    merged.push_back(index);
    if (is_opaque(kernel::openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW))) break;
  }
  return !merged.empty();
}

}  // namespace

std::vector<Change> diff(const std::string& upper, const std::vector<std::string>& lower) {
  return Differ(upper, lower).run();
}

}  // namespace coracle::parts
