// What every lesson's main has in common: the command line, --timeline, one clear error, the exit status.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "launch/attend.hpp"
#include "launch/launch.hpp"
#include "launch/report.hpp"

namespace coracle {

class Lesson {
 public:
  // `words` is what stands before CMD... on the command line: "ROOTFS", or nothing.
  Lesson(const std::string& name, const std::string& what, const std::string& words = "ROOTFS");

  // An option that can be given again, each time with one more word.
  CLI::Option* add_words(const std::string& name, std::vector<std::string>& words, const std::string& what);

  // Reads the command line, lets `list` list the lesson's parts, starts them and gives the exit status for main.
  int run(int argc, char** argv, const std::function<void(parts::Parts&)>& list);

  CLI::App app;  // the lesson adds its options here
  std::string rootfs;
  launch::Process process;  // args and env come from the command line and our environment; `list` may change them
  std::string id;           // of the container; the lesson may choose it
  pid_t join_pid = 0;       // not 0: run CMD inside the running container of this process instead
  bool terminal = false;    // the program gets a terminal of its own, and we stay at ours
  std::string detach_keys;  // which leave it (launch/detach_keys.hpp)
  parts::TerminalOptions console;  // for the part that makes the terminal, when `list` is called

 private:
  int start(const std::function<void(parts::Parts&)>& list);
  int act(const std::function<void(parts::Parts&)>& list, launch::Keeper* keeper);

  std::string usage_;
  std::string timeline_;
  CLI::Option* timeline_option_;
};

using launch::report_errors;

}  // namespace coracle
