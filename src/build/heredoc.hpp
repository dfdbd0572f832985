// The here-documents that a line of a Dockerfile announces: <<NAME.
#pragma once

#include <string>
#include <vector>

#include "build/dockerfile.hpp"

namespace coracle::build {

struct Announced {
  Heredoc document;  // its lines are still to come
  bool strip_tabs = false;
};

// As buildkit's parser.heredocsFromLine has it: a third < makes it a here-string of the shell's.
std::vector<Announced> announced(const std::string& text);

}  // namespace coracle::build
