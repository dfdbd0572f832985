// The files of COPY and ADD, put into a root file system that somebody else wrote: every name is resolved inside it
// (parts/unpack/tree.hpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "build/origin.hpp"
#include "parts/part.hpp"

namespace coracle::build {

struct CopyOptions {
  std::string destination;  // an absolute path; with / behind it, or . as its last part, it is a directory
  bool into_directory = false;
  std::optional<parts::User> owner;  // --chown
  std::optional<mode_t> mode;        // --chmod
  bool unpack = false;               // ADD: an archive becomes what is in it
};

// Throws Error.
void copy(const Origin& origin, const std::vector<Match>& matches, const std::string& root, const CopyOptions& options);

// A file with that content, as a here-document has it.
void write_file(const std::string& root, const std::string& name, const std::string& content,
                const CopyOptions& options);

}  // namespace coracle::build
