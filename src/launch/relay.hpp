// The copying between a person's terminal and the master of a pty, both ways, by whoever polls.
#pragma once

#include <array>
#include <string>

#include <poll.h>

#include "kernel/fd.hpp"
#include "launch/detach_keys.hpp"

namespace coracle::launch {

class Relay {
 public:
  // `in`, a terminal, or -1 to read nothing; `out`, anything. Both stay the caller's.
  Relay(int in, int out, DetachKeys keys);

  // From here on there is something to copy to and from.
  void connect(kernel::Fd master);
  void disconnect();
  const kernel::Fd& master() const { return master_; }

  // Gives the pty the size that the person's terminal has.
  void resize() const;

  // What to poll for, and what to do when poll(2) has filled it in.
  std::array<pollfd, 3> waits() const;
  void copy(const std::array<pollfd, 3>& ready);

  // The program has ended: from now on the only thing to do is to show what it printed. False when that is done.
  bool drain();

  bool detached() const { return keys_.complete(); }
  bool hung_up() const { return hung_up_; }  // the person's terminal is gone

 private:
  bool read_printed();
  void read_typed();
  void write_typed();
  void write_printed();

  int in_;
  int out_;
  kernel::Fd own_out_;  // `out` once more, non-blocking, where that can be had
  DetachKeys keys_;
  kernel::Fd master_;
  // Kept open: a program that closes its terminal and opens it again is no reason to hang up. Where it cannot be had,
  // that program has closed it for good.
  kernel::Fd slave_;
  bool closed_ = false;
  std::string typed_, printed_;  // on their way
  std::size_t to_drain_;
  bool ended_ = false;
  bool hung_up_ = false;
};

}  // namespace coracle::launch
