// One more program in a running container.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "launch/attend.hpp"

namespace coracle::engine {

// The options of `docker exec`, as plain values.
struct ExecOptions {
  std::string container;  // a name, an id, or the beginning of one
  std::vector<std::string> command;
  std::vector<std::string> env;  // NAME=value; NAME alone takes the container's variable away
  std::string working_dir;       // empty: where the container's own program began
  std::string user;              // empty: as whom that one runs
  bool privileged = false;       // with all capabilities
};

// Throws Error when there is no such container, or more than one.
Record find_container(Records& records, const std::string& text);

// The same; nothing when there is none.
std::optional<Record> look_for_container(Records& records, const std::string& text);

// The container's first process. Throws Error when it has ended.
kernel::Fd first_process(const Record& record);

// What exec() does first: kernel::shield_executable_from() the container's processes. It may begin the whole program
// anew.
void shield_from(const Roots& roots, const std::string& container);

// Runs the program, as confined as the container's first one, waits for its end and gives its status. With a keeper
// it has a terminal.
// `executed` is called when it runs.
int exec(const Roots& roots, const ExecOptions& options, launch::Keeper* keeper = nullptr,
         const std::function<void()>& executed = {});

}  // namespace coracle::engine
