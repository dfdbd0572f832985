// The program's end of a detached container's streams and ours: pipes, or a terminal.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "engine/log.hpp"
#include "kernel/fd.hpp"
#include "kernel/tty.hpp"

namespace coracle::engine {

class StandardStreams {
 public:
  // `interactive`: the program's stdin stays open for what is typed, else it is /dev/null.
  StandardStreams(bool terminal, bool interactive, const kernel::Fd& epoll);

  // For the part that makes the terminal; -1 without one.
  int console_socket() const { return console_.get(); }

  // Our own descriptors 0 to 2 are the program's ends, for it to inherit, until let_go().
  void offer();
  void let_go();

  // Something is to be read: `wrote` is told of it. False when the event is for somebody else.
  bool act(int fd, const std::function<void(Stream, std::string_view)>& wrote);

  // What is still there when all processes of the container have ended.
  void drain(const std::function<void(Stream, std::string_view)>& wrote);

  void type(std::string_view text);
  void type_no_more();
  void resize(kernel::WindowSize size);
  // So much is typed that the program has not read that no more should come.
  bool is_full() const { return typed_.size() >= kMostTyped; }

 private:
  static constexpr std::size_t kMostTyped = 65536;

  void receive_master();
  bool read(const kernel::Fd& from, Stream stream, const std::function<void(Stream, std::string_view)>& wrote);
  void write_typed();
  void await(const kernel::Fd& fd, unsigned events, int operation);

  const kernel::Fd& epoll_;
  kernel::Fd in_, out_, err_;                          // ours; with a terminal in_ alone, which is its master
  kernel::Fd program_in_, program_out_, program_err_;  // until let_go()
  kernel::Fd line_, console_;                          // over which the master comes
  kernel::Fd slave_;         // kept open: else the master reports a hangup between two programs
  kernel::WindowSize size_;  // asked for before there was a terminal
  std::string typed_;
  bool no_more_ = false;
  bool terminal_;
};

}  // namespace coracle::engine
