#include "cli/attach_client.hpp"

#include <cerrno>
#include <csignal>
#include <optional>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/audience.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "kernel/tty.hpp"
#include "kernel/unix_socket.hpp"
#include "launch/detach_keys.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;
using kernel::Fd;

sigset_t passed_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH})
    sigaddset(&set, signal);
  return set;
}

class Client {
 public:
  Client(const Fd& connection, const AttachOptions& options, const std::function<void(int)>& pass_signal)
      : connection_(connection),
        options_(options),
        pass_signal_(pass_signal),
        keys_(options.detach_keys),
        signals_(kernel::signalfd(passed_signals(), &before_)),
        raw_(options.terminal && options.input && kernel::is_terminal(STDIN_FILENO)) {
    if (raw_) {
      modes_ = kernel::terminal_modes(STDIN_FILENO);
      kernel::set_terminal_modes(STDIN_FILENO, kernel::raw(modes_));
    }
    if (options.terminal) send_size();
  }
  ~Client() {
    if (raw_) kernel::restore_terminal_modes(STDIN_FILENO, modes_);
    kernel::set_signal_mask(before_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  int attend() {
    while (!status_) {
      pollfd fds[] = {{connection_.get(), POLLIN, 0},
                      {signals_.get(), POLLIN, 0},
                      {options_.input && !typed_all_ ? STDIN_FILENO : -1, POLLIN, 0}};
      if (poll(fds, 3, -1) < 0 && errno != EINTR) throw Error("poll for the container", errno);
      if (fds[0].revents != 0) hear();
      if (fds[1].revents != 0) take_signal();
      if (fds[2].revents != 0) read_typed();
    }
    return *status_;
  }

 private:
  void send_frame(char type, std::string_view content) {
    std::string frame = engine::frame_head(type, content.size()) + std::string(content);
    while (!frame.empty()) {
      const ssize_t count = send(connection_.get(), frame.data(), frame.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return;  // hear() finds out how it ended
      frame.erase(0, static_cast<std::size_t>(count));
    }
  }

  void send_size() {
    const kernel::WindowSize size =
        kernel::window_size(kernel::is_terminal(STDOUT_FILENO) ? STDOUT_FILENO : STDIN_FILENO);
    if (size.rows == 0) return;
    const char numbers[] = {static_cast<char>(size.rows >> 8), static_cast<char>(size.rows),
                            static_cast<char>(size.columns >> 8), static_cast<char>(size.columns)};
    send_frame('w', {numbers, sizeof numbers});
  }

  void hear() {
    char bytes[65536];
    const ssize_t count = read(connection_.get(), bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) return;
    if (count <= 0) {
      status_ = -1;
      return;
    }
    coming_.append(bytes, static_cast<std::size_t>(count));
    std::string_view rest = coming_;
    while (rest.size() >= engine::kFrameHead && rest.size() - engine::kFrameHead >= engine::frame_size(rest)) {
      const std::string_view content = rest.substr(engine::kFrameHead, engine::frame_size(rest));
      if (rest[0] == 'x' && content.size() == 1) {
        status_ = static_cast<unsigned char>(content[0]);
      } else {
        show(rest[0] == static_cast<char>(engine::Stream::err) ? STDERR_FILENO : STDOUT_FILENO, content);
      }
      rest.remove_prefix(engine::kFrameHead + content.size());
    }
    coming_.erase(0, coming_.size() - rest.size());
  }

  // A reader of ours that has gone away ends us, as it would end the program itself.
  void show(int fd, std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = write(fd, text.data(), text.size());
      if (count < 0 && errno == EAGAIN) {
        pollfd room{fd, POLLOUT, 0};
        poll(&room, 1, -1);
        continue;
      }
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw Error("write what the container printed", errno);
      text.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  void take_signal() {
    const int signal = static_cast<int>(kernel::read_signal(signals_).ssi_signo);
    if (signal == SIGWINCH) {
      if (options_.terminal) send_size();
    } else if (signal == SIGCONT) {
      if (raw_) kernel::set_terminal_modes(STDIN_FILENO, kernel::raw(modes_));
    } else if (options_.pass_signals) {
      pass_signal_(signal);
    } else {
      status_ = 128 + signal;
    }
  }

  void read_typed() {
    char bytes[16384];
    const ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (count <= 0) {
      typed_all_ = true;
      return send_frame('e', {});
    }
    const std::string_view typed(bytes, static_cast<std::size_t>(count));
    const std::string passed = raw_ ? keys_.pass(typed) : std::string(typed);
    if (!passed.empty()) send_frame('i', passed);
    if (raw_ && keys_.complete()) status_ = 0;
  }

  const Fd& connection_;
  const AttachOptions& options_;
  const std::function<void(int)>& pass_signal_;
  launch::DetachKeys keys_;
  sigset_t before_{};
  Fd signals_;
  bool raw_;
  termios modes_{};
  std::string coming_;
  bool typed_all_ = false;
  std::optional<int> status_;
};

}  // namespace

Fd connect_to(const std::string& directory) {
  const Fd place = kernel::open(directory, O_PATH | O_DIRECTORY);
  Fd connection = kernel::unix_socket();
  const sockaddr_un address = kernel::unix_address(place, engine::kAttachSocket);
  const auto call = [&] {
    return connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  };
  if (kernel::note_call(call, "connect {}/{}", directory, engine::kAttachSocket) < 0) {
    if (errno != ENOENT && errno != ECONNREFUSED) throw Error("attach to the container", errno);
    throw Error("attach to the container", 0, "it is not running, or it runs in the foreground of another command");
  }
  return connection;
}

int attend_container(const Fd& connection, const AttachOptions& options, const std::function<void(int)>& pass_signal) {
  return Client(connection, options, pass_signal).attend();
}

}  // namespace coracle::cli
