#include "engine/standard_streams.hpp"

#include <cerrno>

#include <sys/epoll.h>
#include <unistd.h>

#include "kernel/pty.hpp"
#include "kernel/recorder.hpp"
#include "kernel/unix_socket.hpp"

namespace coracle::engine {
namespace {

using kernel::Fd;

// Gives the end to read from, and the end to write to.
std::pair<Fd, Fd> make_pipe() {
  int ends[2];
  kernel::attempt([&] { return pipe2(ends, O_CLOEXEC); }, "pipe2");
  return {Fd(ends[0]), Fd(ends[1])};
}

void set_nonblocking(const Fd& fd) { fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

}  // namespace

StandardStreams::StandardStreams(bool terminal, bool interactive, const Fd& epoll)
    : epoll_(epoll), terminal_(terminal) {
  if (terminal) {
    std::tie(line_, console_) = kernel::socketpair();
    await(line_, EPOLLIN, EPOLL_CTL_ADD);
    return;
  }
  if (interactive) {
    std::tie(program_in_, in_) = make_pipe();
    set_nonblocking(in_);
  } else {
    program_in_ = kernel::open("/dev/null", O_RDONLY);
  }
  std::tie(out_, program_out_) = make_pipe();
  std::tie(err_, program_err_) = make_pipe();
  for (const Fd* fd : {&out_, &err_}) {
    set_nonblocking(*fd);
    await(*fd, EPOLLIN, EPOLL_CTL_ADD);
  }
}

void StandardStreams::await(const Fd& fd, unsigned events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd.get();
  kernel::attempt([&] { return epoll_ctl(epoll_.get(), operation, fd.get(), &event); }, "epoll_ctl");
}

void StandardStreams::offer() {
  if (terminal_) return;
  const Fd* ends[] = {&program_in_, &program_out_, &program_err_};
  for (int i = 0; i < 3; ++i) kernel::attempt([&] { return dup2(ends[i]->get(), i); }, "dup2");
}

void StandardStreams::let_go() {
  kernel::become_stdio(kernel::open("/dev/null", O_RDWR));
  for (Fd* end : {&program_in_, &program_out_, &program_err_, &console_}) end->close();
}

bool StandardStreams::act(int fd, const std::function<void(Stream, std::string_view)>& wrote) {
  if (fd == line_.get()) {
    receive_master();
  } else if (fd == out_.get()) {
    if (!read(out_, Stream::out, wrote)) out_.close();
  } else if (fd == err_.get()) {
    if (!read(err_, Stream::err, wrote)) err_.close();
  } else if (fd == in_.get()) {
    write_typed();
    if (terminal_ && !read(in_, Stream::out, wrote)) in_.close();
  } else {
    return false;
  }
  return true;
}

void StandardStreams::receive_master() {
  kernel::Message message = kernel::receive_message(line_);
  line_.close();
  if (!message.descriptor) return;
  in_ = std::move(message.descriptor);
  set_nonblocking(in_);
  slave_ = kernel::find_slave(in_);
  if (size_.rows != 0) kernel::set_window_size(in_, size_);
  await(in_, EPOLLIN, EPOLL_CTL_ADD);
  write_typed();
}

// One piece at a time: others wait too. False at the end.
bool StandardStreams::read(const Fd& from, Stream stream, const std::function<void(Stream, std::string_view)>& wrote) {
  char bytes[65536];
  const ssize_t count = ::read(from.get(), bytes, sizeof bytes);
  if (count > 0) wrote(stream, {bytes, static_cast<std::size_t>(count)});
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

void StandardStreams::drain(const std::function<void(Stream, std::string_view)>& wrote) {
  if (line_) receive_master();
  slave_.close();
  const auto drain_one = [&](const Fd& fd, Stream stream) {
    std::size_t most = 1U << 20U;  // more than a pipe or a terminal holds: somebody outside writes to it
    const auto count_down = [&](Stream of, std::string_view bytes) {
      most -= std::min(most, bytes.size());
      wrote(of, bytes);
    };
    errno = 0;
    while (fd && most > 0 && errno != EAGAIN && read(fd, stream, count_down)) {
    }
  };
  drain_one(terminal_ ? in_ : out_, Stream::out);
  drain_one(err_, Stream::err);
}

void StandardStreams::type(std::string_view text) {
  if (no_more_ || (!terminal_ && !in_)) return;
  typed_ += text;
  write_typed();
}

void StandardStreams::type_no_more() {
  no_more_ = true;
  if (!terminal_ && typed_.empty()) in_.close();
}

void StandardStreams::write_typed() {
  if (!in_ || typed_.empty()) return;
  while (!typed_.empty()) {
    const ssize_t count = ::write(in_.get(), typed_.data(), typed_.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN) typed_.clear();  // nobody reads any more
    if (count <= 0) break;
    typed_.erase(0, static_cast<std::size_t>(count));
  }
  if (typed_.empty() && no_more_ && !terminal_) return in_.close();
  const unsigned reading = terminal_ ? EPOLLIN : 0U;
  epoll_event event{};
  event.events = reading | (typed_.empty() ? 0U : EPOLLOUT);
  event.data.fd = in_.get();
  const int operation = event.events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  if (epoll_ctl(epoll_.get(), operation, in_.get(), &event) < 0 && errno == ENOENT && event.events != 0)
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, in_.get(), &event);
}

void StandardStreams::resize(kernel::WindowSize size) {
  size_ = size;
  if (terminal_ && in_) kernel::set_window_size(in_, size);
}

}  // namespace coracle::engine
