// Where COPY and ADD take files from: the build context, or the files of a stage or an image. Its paths are resolved
// inside it, whatever links are in it, and what .dockerignore leaves out is not there.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "build/patterns.hpp"
#include "kernel/fd.hpp"

namespace coracle::build {

// One file to be copied.
struct Item {
  std::string path;  // in the origin, without links: "src/a.c"
  std::string name;  // below the destination: "a.c"; "" is the destination itself, a directory
};

// What one word of COPY stands for.
struct Match {
  std::string name;  // its last part
  bool directory = false;
  std::vector<Item> items;  // of a directory: itself and all below it, parents first
};

class Origin {
 public:
  // With `keep_owners` what is copied has the owners that it has here, else root's.
  // `go_on` is called for every file; what it throws ends the work.
  Origin(kernel::Fd root, bool keep_owners, std::function<void()> go_on, Ignore ignore = {});

  // What a path stands for, which may have wildcards; sorted. Throws Error when there is nothing.
  std::vector<Match> find(const std::string& pattern) const;

  // The file itself, opened O_PATH. Throws Error when it is gone.
  kernel::Fd open(const std::string& path) const;

  // A digest of all that copying them makes: names, types, modes, owners, attributes, contents.
  std::string digest(const std::vector<Match>& matches) const;

  void go_on() const { go_on_(); }
  bool keep_owners() const { return keep_owners_; }

 private:
  void expand(const std::vector<std::string>& parts, std::size_t at, const std::string& path,
              std::vector<std::string>& found) const;
  Match match(const std::string& path) const;
  void walk(const std::string& top, Match& match) const;

  kernel::Fd root_;
  std::string root_path_;
  bool keep_owners_;
  std::function<void()> go_on_;
  Ignore ignore_;
};

}  // namespace coracle::build
