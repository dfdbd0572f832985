#include "build/origin.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "image/digest.hpp"
#include "kernel/error.hpp"
#include "kernel/inode.hpp"
#include "kernel/mount.hpp"
#include "kernel/recorder.hpp"

namespace coracle::build {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr std::size_t kMostItems = 5'000'000;

std::string joined(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

bool is_directory(const Fd& file) { return S_ISDIR(kernel::fstatat(file, "").value().st_mode); }

[[noreturn]] void refuse_missing(const std::string& path) {
  throw Error("find " + path, ENOENT, "it is not in the build context, stage or image, or .dockerignore leaves it out");
}

void digest_contents(image::Sha256& sum, const Fd& file) {
  const Fd opened = kernel::open(kernel::path_of(file), O_RDONLY);
  std::string piece(256U << 10U, '\0');
  while (true) {
    const auto call = [&] { return ::read(opened.get(), piece.data(), piece.size()); };
    const auto count = static_cast<std::size_t>(kernel::attempt(call, "read"));
    if (count == 0) return;
    sum.update({piece.data(), count});
  }
}

}  // namespace

Origin::Origin(Fd root, bool keep_owners, std::function<void()> go_on, Ignore ignore)
    : root_(std::move(root)),
      root_path_(kernel::real_path(root_)),
      keep_owners_(keep_owners),
      go_on_(std::move(go_on)),
      ignore_(std::move(ignore)) {
  if (root_path_ == "/") root_path_.clear();
}

std::vector<Match> Origin::find(const std::string& pattern) const {
  std::vector<std::string> paths;
  expand(path_parts(pattern), 0, "", paths);
  std::vector<Match> matches;
  for (const std::string& path : paths) {
    Match found = match(path);
    if (!found.items.empty()) matches.push_back(std::move(found));
  }
  if (matches.empty()) refuse_missing(pattern);
  return matches;
}

Fd Origin::open(const std::string& path) const {
  Fd file = kernel::find_in_root(root_, path.empty() ? "." : path, O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
  if (!file) refuse_missing(path);
  return file;
}

void Origin::expand(const std::vector<std::string>& parts, std::size_t at, const std::string& path,
                    std::vector<std::string>& found) const {
  if (at == parts.size()) return found.push_back(path);
  if (!has_wildcards(parts[at])) return expand(parts, at + 1, joined(path, parts[at]), found);
  const Fd directory = kernel::find_in_root(root_, path.empty() ? "." : path, O_PATH);
  if (!directory || !is_directory(directory)) return;
  for (const std::string& name : kernel::list(directory)) {
    if (!matches(parts[at], name)) continue;
    const std::string next = joined(path, name);
    if (at + 1 < parts.size()) {
      const Fd below = kernel::find_in_root(root_, next, O_PATH);
      if (!below || !is_directory(below)) continue;
    }
    expand(parts, at + 1, next, found);
  }
}

// A link that is named itself is followed, inside the origin; docker does so. Nothing in it when it is ignored.
Match Origin::match(const std::string& path) const {
  Match found;
  found.name = path.substr(path.rfind('/') + 1);
  const Fd file = kernel::find_in_root(root_, path.empty() ? "." : path, O_PATH);
  if (!file) return found;
  const std::string real = kernel::real_path(file);
  const std::string inside = real.size() > root_path_.size() ? real.substr(root_path_.size() + 1) : "";
  found.directory = is_directory(file);
  if (found.directory) {
    walk(inside, found);
  } else if (!ignore_.ignores(inside)) {
    found.items.push_back({inside, found.name});
  }
  return found;
}

void Origin::walk(const std::string& top, Match& match) const {
  if (!top.empty() && ignore_.ignores(top) && !ignore_.has_exceptions()) return;
  match.items.push_back({top, ""});
  std::vector<Item> todo = {match.items.front()};  // in place of recursion
  while (!todo.empty()) {
    go_on_();
    const Item directory = std::move(todo.back());
    todo.pop_back();
    const Fd here = kernel::find_in_root(root_, directory.path.empty() ? "." : directory.path, O_RDONLY | O_DIRECTORY,
                                         RESOLVE_NO_SYMLINKS);
    if (!here) continue;
    for (const std::string& name : kernel::list(here)) {
      const auto status = kernel::fstatat(here, name);
      if (!status || S_ISSOCK(status->st_mode)) continue;
      Item item{joined(directory.path, name), joined(directory.name, name)};
      const bool ignored = ignore_.ignores(item.path);
      if (S_ISDIR(status->st_mode) && (!ignored || ignore_.has_exceptions())) todo.push_back(item);
      if (!ignored) match.items.push_back(std::move(item));
      if (match.items.size() > kMostItems) throw Error(fmt::format("copy more than {} files", kMostItems), 0);
    }
  }
  std::sort(match.items.begin(), match.items.end(), [](const Item& a, const Item& b) { return a.name < b.name; });
}

std::string Origin::digest(const std::vector<Match>& matches) const {
  image::Sha256 sum;
  for (const Match& match : matches) {
    sum.update(fmt::format("{} {}\n", match.name.size(), match.name));
    for (const Item& item : match.items) {
      go_on_();
      const Fd file = open(item.path);
      const struct stat status = kernel::fstatat(file, "").value();
      const bool link = S_ISLNK(status.st_mode);
      sum.update(fmt::format("{} {} {:o} {} {} {} {} {} {}\n", item.name.size(), item.name, status.st_mode,
                             keep_owners_ ? status.st_uid : 0, keep_owners_ ? status.st_gid : 0, status.st_rdev,
                             S_ISREG(status.st_mode) ? status.st_size : 0, match.directory ? "d" : "f",
                             link ? kernel::readlinkat(file, "") : ""));
      for (const auto& [name, value] : kernel::xattrs(file)) {
        if (name == "security.capability") sum.update(name + "=" + value);
      }
      if (S_ISREG(status.st_mode)) digest_contents(sum, file);
    }
  }
  return sum.finish();
}

}  // namespace coracle::build
