// Pseudoterminals, by descriptor: pty(7), pts(4), ioctl_tty(2).
#pragma once

#include <string>

#include "kernel/fd.hpp"

namespace coracle::kernel {

struct Pty {
  Fd master;         // where the person is
  Fd slave;          // where the program is
  std::string name;  // of the slave, as its own devpts has it: "/dev/pts/0"
};

// A new pty of the devpts whose root directory `devpts` stands for. Nothing is opened by a path that anybody else could
// have changed: the ptmx is the one of this directory, and the slave is asked of the master (TIOCGPTPEER).
Pty open_pty(const Fd& devpts);

// The slave of a master, opened once more; an empty Fd where the container's user alone may open it.
Fd find_slave(const Fd& master);

// Whether the directory is one of a devpts, the file system of ptys.
bool is_devpts(const Fd& directory);

}  // namespace coracle::kernel
