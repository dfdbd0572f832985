// A directory being filled with the entries of an archive that somebody else wrote. Every name is resolved by the
// kernel inside the directory (openat2(2), RESOLVE_IN_ROOT); the last part of a name is never followed when it is
// a link; what stands in the way of an entry is removed first. So no entry can touch anything outside.
//
// What names mean here is what OCI implementations do with them (image-spec layer.md):
//   /a, ./a, a//b    mean a, a and a/b
//   a/../b           is refused: it means different things to different readers when `a` is a link
//   lib/x            with lib -> usr/lib goes to usr/lib/x, which is made when missing; a link to /lib stays inside,
//   too a twice          the later entry replaces the earlier one, also a directory by a file and a link by a
//   directory;
//                    a directory that comes again keeps its content and takes the new attributes
//   .wh.a            hides the `a` of the layers below; it says nothing about an `a` in this layer, before or after it
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "kernel/fd.hpp"

namespace coracle::parts {

struct Attributes {
  uid_t uid = 0;
  gid_t gid = 0;
  mode_t mode = 0;  // permissions, with setuid, setgid and sticky
  timespec access{};
  timespec modification{};
  std::vector<std::pair<std::string, std::string>> xattrs;
};

// A name as an entry has it, in parts: "a/b" and "c" of "./a//b/c/". Throws for "..".
struct EntryName {
  explicit EntryName(std::string_view name);
  std::string parent;  // "" is the top
  std::string base;    // "" when the name means the top itself
};

// How many bytes may still be kept in memory by those who unpack at the same time.
using Budget = std::atomic<std::int64_t>;

class Tree {
 public:
  Tree(const std::string& directory, Budget& budget);
  ~Tree() { budget_ += kept_; }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  // Each makes one entry, with its missing parents (root's, mode 0755).
  void directory(const EntryName& name, Attributes attributes);
  kernel::Fd file(const EntryName& name);  // empty, opened for writing; finish it with set_attributes()
  void symlink(const EntryName& name, const std::string& text, const Attributes& attributes);
  void hardlink(const EntryName& name, const EntryName& target);
  void node(const EntryName& name, mode_t type, dev_t device, const Attributes& attributes);

  void whiteout(const EntryName& name);       // `name` of the layers below is hidden
  void opaque(const std::string& directory);  // everything that the layers below have in it is hidden

  // `type` as in stat's st_mode: a symbolic link has no mode of its own.
  static void set_attributes(const kernel::Fd& fd, const Attributes& attributes, mode_t type);

  // Gives the directories their attributes: at the end, because what is made in a directory changes its times, and
  // its default ACL would change what is made in it.
  void finish();

 private:
  // The directory that entries go to at the moment. Archives come directory by directory.
  struct Place {
    std::optional<std::string> name;  // as the archive calls it; nothing when that may lead elsewhere by now
    kernel::Fd fd;
    std::string path;  // where it really is; "" until somebody asks
  };

  template <typename Make>
  void put(const EntryName& name, Make make);
  const kernel::Fd& open(const std::string& directory);
  void make_parents(const std::string& directory);
  void make_directory(const kernel::Fd& parent, const std::string& name);
  void remove(const std::string& name);
  std::string real_path(const std::string& name);
  void remember(const std::string& path, Attributes attributes);

  Budget& budget_;
  std::int64_t kept_ = 0;  // taken out of it
  kernel::Fd root_;
  std::string root_path_;
  Place place_;
  std::map<std::string, Attributes> directories_;  // to be given their attributes, by their real path in the root
};

}  // namespace coracle::parts
