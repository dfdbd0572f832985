// What everybody who comes later can know of a container: a directory with a lock and a few files.
#pragma once

#include <optional>
#include <string>

#include "kernel/fd.hpp"
#include "parts/part.hpp"

namespace coracle {

// containers/NAME:
//     (its lock)  flock(2) on the directory: held by the supervisor for all of its life
//     process     the first process of the container, "PID STARTTIME"
//     log         all that the container printed
//     exit        its exit status; the last thing that the supervisor writes
//     attach      the socket at which the supervisor answers
struct Container {
  explicit Container(const std::string& name);  // throws Error for what cannot be the name of a file

  std::string file(const std::string& what) const { return directory + "/" + what; }
  std::string run_directory() const;

  kernel::Fd lock() const;                  // waits for the supervisor's end; throws Error when there is no container
  bool held() const;                        // whether there is a supervisor
  std::optional<std::string> exit() const;  // how it ended, if somebody has written that down
  kernel::Fd process() const;               // an empty one when it has ended

  kernel::Fd listen() const;   // the socket, for the supervisor
  kernel::Fd connect() const;  // and for who wants to speak with it

  std::string name, directory, id;
};

// The parts that a container here is made of. To unmake one that is there, its root need not be known.
parts::Parts parts_of(const std::string& rootfs);

}  // namespace coracle
