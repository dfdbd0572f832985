// A person at a container: two processes, so that the person can leave while the container goes on.
//
//     the relay, which is the command               the keeper, in a session of its own
//     its terminal becomes raw; "go" -------------> does the work: starts the container, waits, unmakes it
//     <----------------- the pty's master --------- (the container's first process sends it)
//     copies keys and text, passes signals on       waits for the end of the program
//     detach: the master ------------------------->  reads on, for nobody, so that the program never blocks
//     its end, whatever the way ------------------>  without a detach: the terminal restored, the container ended
//     terminal restored, its status <-------------- its end, whatever the way
#pragma once

#include <functional>
#include <string>

#include <termios.h>

#include "kernel/fd.hpp"
#include "launch/signals.hpp"
#include "parts/terminal.hpp"

namespace coracle::launch {

// The keeper's side.
class Keeper {
 public:
  // `line` leads to the relay; `terminal` is the one that became raw, and had these modes, or -1.
  Keeper(kernel::Fd line, int terminal, const termios& modes, kernel::WindowSize size);

  // Waits until the relay has made the terminal raw.
  void await_go() const;

  // For the part that makes the pty.
  parts::TerminalOptions options() const { return {line_.get(), size_}; }

  // What to look after while the program runs.
  Watch watch();

  // The person's terminal as it was, for whoever has something to say. Nothing after a detach.
  void restore() noexcept;

 private:
  void hear(const kernel::Fd& pidfd);
  void discard();

  kernel::Fd line_;
  int terminal_;
  termios modes_;
  kernel::WindowSize size_;
  kernel::Fd nothing_;         // /dev/null of the host: we may be in the container's mount namespace when we need it
  kernel::Fd master_, slave_;  // after a detach
};

struct Attendance {
  bool interactive = false;      // -i: what is typed goes to the program; stdin is a terminal then
  std::string detach_keys = {};  // see detach_keys.hpp
};

// Does `work` in the keeper, and is the relay meanwhile. Gives the status that `work` gave, or 0 after a detach.
// Throws Error with status 1, as docker has it, when stdin should be a terminal and is not.
int attend(const Attendance& attendance, const std::function<int(Keeper&)>& work);

}  // namespace coracle::launch
