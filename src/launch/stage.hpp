// The way from our own executable to the container's program, over a stage that is not worth overwriting:
// launch/stage/stage.cpp says what it is and why.
#pragma once

#include <string>
#include <vector>

#include "kernel/fd.hpp"

namespace coracle::launch {

class Stage {
 public:
  Stage();  // makes the sealed copy

  // Executes the stage, which executes `path`, with `init` as the child of a minimal init. The descriptor `report`
  // closes then, or is told the errno. Returns only by throwing: when the stage itself could not be executed.
  [[noreturn]] void execute(const std::string& path, const std::vector<std::string>& arguments,
                            const std::vector<std::string>& environment, bool init, int report) const;

 private:
  kernel::Fd copy_;
};

}  // namespace coracle::launch
