#include "launch/relay.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "kernel/pty.hpp"
#include "kernel/tty.hpp"

namespace coracle::launch {
namespace {

using kernel::Fd;

// On the way in each direction. Beyond it we stop reading, and whoever writes has to wait.
constexpr std::size_t kMost = 65536;

// What a pty holds at most is a good deal less. A process that goes on printing after the program's end is not waited
// for.
constexpr std::size_t kMostToDrain = 262144;

// What a blocking descriptor takes when it is ready to take anything (pipe(7), PIPE_BUF).
constexpr std::size_t kPiece = 4096;

// O_NONBLOCK belongs to the open file and not to the descriptor, and our terminal's is shared with the shell. So we
// open it once more for ourselves. A plain file has a position of its own then, and never blocks.
Fd open_nonblocking(int fd) {
  struct stat status {};
  if (fstat(fd, &status) < 0 || !(S_ISFIFO(status.st_mode) || kernel::is_terminal(fd))) return {};
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return Fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

bool nothing_now(ssize_t result) { return result < 0 && (errno == EAGAIN || errno == EINTR); }

}  // namespace

Relay::Relay(int in, int out, DetachKeys keys)
    : in_(in), out_(out), own_out_(open_nonblocking(out)), keys_(std::move(keys)), to_drain_(kMostToDrain) {}

void Relay::connect(Fd master) {
  master_ = std::move(master);
  fcntl(master_.get(), F_SETFL, O_RDWR | O_NONBLOCK);
  slave_ = kernel::find_slave(master_);
}

void Relay::disconnect() {
  master_.close();
  slave_.close();
}

void Relay::resize() const {
  const int terminal = kernel::is_terminal(out_) ? out_ : in_;
  if (master_ && terminal >= 0) kernel::set_window_size(master_, kernel::window_size(terminal));
}

std::array<pollfd, 3> Relay::waits() const {
  const auto wait = [](int fd, int events) { return pollfd{events != 0 ? fd : -1, static_cast<short>(events), 0}; };
  if (!master_) return {wait(-1, 0), wait(-1, 0), wait(-1, 0)};
  const int from_program = printed_.size() < kMost && to_drain_ > 0 && !closed_ ? POLLIN : 0;
  const int to_program = typed_.empty() || closed_ ? 0 : POLLOUT;
  return {wait(in_, typed_.size() < kMost ? POLLIN : 0), wait(master_.get(), from_program | to_program),
          wait(out_, printed_.empty() ? 0 : POLLOUT)};
}

void Relay::copy(const std::array<pollfd, 3>& ready) {
  if (!master_) return;
  if (ready[0].revents != 0) read_typed();
  const bool read = (ready[1].revents & POLLIN) != 0 && read_printed();
  closed_ = closed_ || (!slave_ && !read && (ready[1].revents & POLLHUP) != 0);
  if (!typed_.empty()) write_typed();
  if (!printed_.empty() && (own_out_ || ready[2].revents != 0)) write_printed();
}

bool Relay::drain() {
  ended_ = true;
  in_ = -1;
  typed_.clear();
  if (!master_) return false;
  while (printed_.size() < kMost && to_drain_ > 0 && read_printed()) {
  }
  if (own_out_) write_printed();
  return !printed_.empty() && !hung_up_;
}

void Relay::read_typed() {
  char bytes[4096];
  const ssize_t count = ::read(in_, bytes, sizeof bytes);
  if (nothing_now(count)) return;
  if (count <= 0) {
    hung_up_ = true;
  } else {
    typed_ += keys_.pass({bytes, static_cast<std::size_t>(count)});
  }
}

bool Relay::read_printed() {
  char bytes[16384];
  const ssize_t count = ::read(master_.get(), bytes, sizeof bytes);
  if (count <= 0) return false;
  printed_.append(bytes, static_cast<std::size_t>(count));
  if (ended_) to_drain_ -= std::min(to_drain_, static_cast<std::size_t>(count));
  return true;
}

void Relay::write_typed() {
  const ssize_t count = ::write(master_.get(), typed_.data(), typed_.size());
  if (count > 0) typed_.erase(0, static_cast<std::size_t>(count));
}

void Relay::write_printed() {
  const std::size_t most = own_out_ ? printed_.size() : std::min(printed_.size(), kPiece);
  const ssize_t count = ::write(own_out_ ? own_out_.get() : out_, printed_.data(), most);
  if (count > 0) printed_.erase(0, static_cast<std::size_t>(count));
  if (count < 0 && !nothing_now(count)) hung_up_ = true;
}

}  // namespace coracle::launch
