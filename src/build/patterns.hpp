// Patterns of file names, as Go's filepath.Match has them: * ? [a-z] [^a] \c, none of which matches a slash; and the
// rules of a .dockerignore, which have ** and ! besides.
// https://docs.docker.com/build/concepts/context/#dockerignore-files
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coracle::build {

// Whether the name, which has no slash in it, is as the pattern says. In time that grows with both lengths at most.
bool matches(std::string_view pattern, std::string_view name);

bool has_wildcards(std::string_view text);

// "a/./b/../c" -> {"a", "c"}; what climbs out of the top stays there.
std::vector<std::string> path_parts(std::string_view path);

class Ignore {
 public:
  Ignore() = default;
  // Throws Error when it has more than 10,000 rules.
  explicit Ignore(std::string_view text);

  // Whether `path` ("a/b") is left out. The last rule that matches it, or a directory that it is in, decides.
  bool ignores(const std::string& path) const;

  // Whether something below the directory may be in, though the directory is out.
  bool has_exceptions() const { return exceptions_; }

 private:
  struct Rule {
    std::vector<std::string> parts;
    bool exception = false;
  };
  std::vector<Rule> rules_;
  bool exceptions_ = false;
};

}  // namespace coracle::build
