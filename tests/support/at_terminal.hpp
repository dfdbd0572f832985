// A program at a terminal, and the person in front of it: the test holds the other end of a pty.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <termios.h>

#include "kernel/fd.hpp"

namespace coracle::test {

class AtTerminal {
 public:
  // Runs the program in a session of its own whose controlling terminal this is, as a terminal window does. With
  // `output`, its stdout and stderr go there instead.
  explicit AtTerminal(const std::vector<std::string>& command, unsigned short rows = 24, unsigned short columns = 80,
                      int output = -1);
  ~AtTerminal();  // kills what still runs

  pid_t pid() const { return pid_; }
  void type(const std::string& keys);
  void resize(unsigned short rows, unsigned short columns);  // the kernel tells the program (SIGWINCH)
  termios modes() const;                                     // as they are now
  bool is_raw() const { return (modes().c_lflag & (ICANON | ECHO | ISIG)) == 0; }
  void hang_up();  // the window is closed

  // Reads the screen until `text` has come; gives what came since the last call, up to the end of `text`.
  std::string read_until(const std::string& text, std::chrono::seconds limit = std::chrono::seconds(20));
  // Reads what comes until `enough` says so of all that came since the last call.
  std::string read_while_not(const std::function<bool(const std::string&)>& enough,
                             std::chrono::seconds limit = std::chrono::seconds(20));
  // Waits for the end of the program; gives its status, 128+n for a signal.
  int wait(std::chrono::seconds limit = std::chrono::seconds(60));
  const std::string& screen() const { return seen_; }  // all of it until now

 private:
  bool listen(int milliseconds, short events = 0);

  pid_t pid_ = -1;
  kernel::Fd pidfd_, master_, slave_;
  std::string seen_;
  std::size_t given_ = 0;
};

}  // namespace coracle::test
