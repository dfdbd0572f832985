// The line between whoever starts a container and the container's first process: a connected unix socket. When either
// side dies, the other hears the end of the stream: nobody waits for the dead.
//
//     'g'            to the child    go: all that is done for you from outside is done
//     'r'            to the parent   ready: the container is made, and its process waits at the gate
//     'f' failure    to the parent   the error that ends the child
//     'x' errno path to the parent   the same from the stage, which could not execute the program
//     the end        to the parent   the program is executed: execve closed the descriptor
#pragma once

#include <string>
#include <utility>

#include "kernel/error.hpp"
#include "kernel/fd.hpp"

namespace coracle::launch {

class Meeting {
 public:
  Meeting() = default;
  explicit Meeting(kernel::Fd line) : line_(std::move(line)) {}

  // The two ends of a new line.
  static void make_pair(Meeting& one, Meeting& other);

  const kernel::Fd& fd() const { return line_; }
  void close() { line_.close(); }

  // One word; that the other side is dead is no error here, hear() tells it.
  void say(char word) const noexcept;

  // Waits for a word; 0 at the end of the stream. Throws the Error that the child left.
  char hear() const;

  // Leaves the error that ends this process for the other side to hear.
  void fail(const kernel::Error& error) const noexcept;

  // Ends this process when the other side is dead. To be asked after die_with_parent(), which does nothing for a
  // child whose parent is dead already.
  void leave_if_orphaned() const;

 private:
  kernel::Fd line_;
};

// The gate of a container that was created and waits to be started: a socket in its run directory that its first
// process listens on. Whoever connects starts it, and the connection is the rest of the meeting.
class Gate {
 public:
  Gate() = default;
  explicit Gate(const std::string& run_dir);  // makes it, listening

  // In the waiting process: until somebody opens the gate.
  Meeting wait();

  // From outside. An empty meeting when nobody waits (any more).
  static Meeting open(const std::string& run_dir);
  // Whether the container behind it was not started yet.
  static bool shut(const std::string& run_dir);

  explicit operator bool() const { return static_cast<bool>(listener_); }

 private:
  kernel::Fd listener_;
};

}  // namespace coracle::launch
