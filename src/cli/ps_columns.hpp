// The columns of ps(1), for `coracle top`: what its options choose, and what they show of a process.
#pragma once

#include <string>
#include <vector>

#include "kernel/process_status.hpp"

namespace coracle::cli {

struct PsColumn {
  std::string heading;
  std::string (*text)(const kernel::ProcessStatus&);
};

// For the options behind the container of `docker top`: none or "-ef", "aux", "-o pid,args", "-eo pid,args",
// "-o pid=ID". Throws Error for what is none of these.
std::vector<PsColumn> parse_ps_options(const std::vector<std::string>& words);

}  // namespace coracle::cli
