// The options of the commands of `coracle`.
#pragma once

#include "door/options.hpp"

namespace coracle::cli {

class Options : public door::Options {
 public:
  // `name` is the command's: "run".
  Options(const std::string& name, const std::string& usage, const std::string& what)
      : door::Options("coracle " + name, usage, what) {}
};

}  // namespace coracle::cli
