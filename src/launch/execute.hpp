// The last steps of the child: from the container as the parts made it to the program that runs in it.
#pragma once

#include <csignal>
#include <string>
#include <vector>

#include "launch/meeting.hpp"
#include "launch/spec.hpp"
#include "launch/stage.hpp"
#include "parts/part.hpp"

namespace coracle::launch {

// Goes to the process's directory, which is proven to be inside the root; `make`: a missing one is made. Once inside,
// before its process gives up its powers.
void enter_directory(const std::string& path, bool make);

// A program that is found and wants only to be executed. All that a system call filter could have something against
// is done by then.
class Program {
 public:
  // Looks for the program in the container's PATH, and gives this process the umask, the signal actions, the signal
  // mask and the closed descriptors that a program begins with. Throws Error with status 127 when it is not found.
  Program(const Process& process, const parts::User& user, const sigset_t& mask);

  // Executes it; never returns. `meeting` closes when that went well, else it is told why.
  [[noreturn]] void execute(const Meeting& meeting) const;

 private:
  Stage stage_;
  std::string path_;
  std::vector<std::string> arguments_;
  std::vector<std::string> environment_;
  bool init_;
};

}  // namespace coracle::launch
