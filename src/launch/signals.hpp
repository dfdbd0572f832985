// Signals of the process that launches: held back while it works, passed on to the program while it waits.
#pragma once

#include <functional>

#include "kernel/fd.hpp"
#include "kernel/process.hpp"

namespace coracle::launch {

struct Watch;

// From its construction to its destruction signals come out of a descriptor instead of ending us half-way.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  const kernel::Fd& fd() const { return fd_; }
  const sigset_t& before() const { return before_; }        // the mask that a new program gets back
  void give_back(const sigset_t& mask) { before_ = mask; }  // another one than ours

  // Throws Error with status 128+n when SIGINT, SIGTERM, SIGHUP or SIGQUIT is waiting; takes nothing else out.
  void throw_if_asked_to_end();

  // The last signal of these that supervise() took; 0: none.
  int asked_to_end() const { return asked_to_end_; }

 private:
  sigset_t ours_{};
  kernel::Fd fd_;
  sigset_t before_;
  int asked_to_end_ = 0;

  friend kernel::Ending supervise(const kernel::Fd& pidfd, Signals& signals, bool own_session, const Watch& watch,
                                  bool kill_at_once);
};

// Something else to look after while the program runs.
struct Watch {
  std::function<int()> fd = {};                           // what to poll for reading; -1: nothing at the moment
  std::function<void(const kernel::Fd& pidfd)> act = {};  // there is something to read, or its end
};

// Waits for the end of the program behind `pidfd`, and passes on to it the signals that we get meanwhile.
// `own_session`: the program does not belong to our terminal, so what is typed there reaches it through us alone.
// As pid 1 of its namespace it may ignore them (pid_namespaces(7)): the third request to end is a SIGKILL, as docker
// gives up waiting at the third; with `kill_at_once` the first.
kernel::Ending supervise(const kernel::Fd& pidfd, Signals& signals, bool own_session, const Watch& watch = {},
                         bool kill_at_once = false);

}  // namespace coracle::launch
