// The options of the commands of `coracle`.
#pragma once

#include "cli/examples.hpp"
#include "door/options.hpp"

namespace coracle::cli {

class Options : public door::Options {
 public:
  // `name` is the command's: "run".
  Options(const std::string& name, const std::string& usage, const std::string& what)
      : door::Options("coracle " + name, usage, what, example(name)) {}

 private:
  static std::string example(const std::string& name) {
    const std::string words = example_of(name);
    return words.empty() ? "" : "coracle " + words;
  }
};

}  // namespace coracle::cli
