// What every lesson's main has in common: the command line, --timeline, one clear error, the exit status.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "launch/launch.hpp"

namespace coracle {

class Lesson {
 public:
  // `takes_rootfs`: the command line is [options] ROOTFS CMD..., else [options] CMD...
  Lesson(const std::string& name, const std::string& what, bool takes_rootfs = true);

  CLI::App app;            // the lesson adds its options here
  std::string rootfs;
  launch::Process process; // args come from the command line

  // Reads the command line, lets `list` list the lesson's parts, starts them and gives the exit status for main.
  int run(int argc, char** argv, const std::function<void(parts::Parts&)>& list);

  // --join PID: run CMD inside the running container instead (for the lessons that offer it).
  pid_t join_pid = 0;

 private:
  std::string timeline_;
  CLI::Option* timeline_option_;
};

}  // namespace coracle
