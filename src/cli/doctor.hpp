// What coracle doctor finds out, one line of its answer each.
#pragma once

#include <string>
#include <vector>

#include "kernel/probe.hpp"

namespace coracle::cli {

struct Finding {
  std::string what;
  std::string lesson;
  kernel::Failure failure;
  std::string mend;    // a command, or what to change
  bool needed = true;  // by lessons 1 to 7; what is not needed is said, and is no reason to complain
};

// What containers without root stand on: user namespaces, ids, overlayfs, pasta, delegated cgroups. For the user who
// asks, also through sudo; who is root and nobody else is told what concerns every user.
void look_at_rootless(std::vector<Finding>& found);

}  // namespace coracle::cli
