#include "engine/audience.hpp"

#include <cerrno>
#include <chrono>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/recorder.hpp"
#include "kernel/unix_socket.hpp"

namespace coracle::engine {
namespace {

using kernel::Fd;

constexpr std::size_t kMostGoing = 1U << 20U;
constexpr std::size_t kLongestFrame = 65536;
constexpr auto kPatience = std::chrono::seconds(2);

void wait_for(const Fd& epoll, const Fd& fd, unsigned events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd.get();
  kernel::attempt([&] { return epoll_ctl(epoll.get(), operation, fd.get(), &event); }, "epoll_ctl");
}

std::uint16_t number_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8U |
                                    static_cast<unsigned char>(bytes[at + 1]));
}

}  // namespace

std::string frame_head(char type, std::size_t size) {
  std::string head(kFrameHead, '\0');
  head[0] = type;
  for (unsigned i = 0; i < 4; ++i) head[4 + i] = static_cast<char>(size >> (24U - 8U * i));
  return head;
}

std::size_t frame_size(std::string_view head) {
  std::size_t size = 0;
  for (unsigned i = 0; i < 4; ++i) size = size << 8U | static_cast<unsigned char>(head[4 + i]);
  return size;
}

Audience::Audience(const std::string& directory, const Fd& epoll, Handlers handlers)
    : path_(directory + "/" + kAttachSocket), epoll_(epoll), handlers_(std::move(handlers)) {
  kernel::remove_tree(path_);  // of a supervisor that was killed
  const Fd place = kernel::open(directory, O_PATH | O_DIRECTORY);
  listener_ = kernel::unix_socket();
  const sockaddr_un address = kernel::unix_address(place, kAttachSocket);
  kernel::attempt([&] { return bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address); },
                  "bind {}", path_);
  kernel::attempt([&] { return ::listen(listener_.get(), 16); }, "listen on {}", path_);
  fcntl(listener_.get(), F_SETFL, O_RDWR | O_NONBLOCK);
  wait_for(epoll_, listener_, EPOLLIN, EPOLL_CTL_ADD);
}

Audience::~Audience() { ::unlink(path_.c_str()); }

void Audience::seat(Fd connection) { add(std::move(connection), true); }

void Audience::add(Fd connection, bool first) {
  fcntl(connection.get(), F_SETFL, O_RDWR | O_NONBLOCK);
  guests_.push_back({std::move(connection), {}, {}, first});
  await(guests_.back(), EPOLL_CTL_ADD);
}

void Audience::tell(Stream stream, std::string_view bytes) {
  for (auto guest = guests_.begin(); guest != guests_.end();) {
    const auto next = std::next(guest);
    guest->going += frame_head(static_cast<char>(stream), bytes.size());
    guest->going += bytes;
    send(*guest);
    if (guest->going.size() > kMostGoing) show_out(guest);
    guest = next;
  }
}

void Audience::send(Guest& guest) {
  while (!guest.going.empty()) {
    const ssize_t count = ::send(guest.fd.get(), guest.going.data(), guest.going.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;  // no room now; or he has left, which his end of the line tells
    guest.going.erase(0, static_cast<std::size_t>(count));
  }
  if (guest.waits_for_room == !guest.going.empty()) return;
  guest.waits_for_room = !guest.going.empty();
  await(guest, EPOLL_CTL_MOD);
}

void Audience::await(const Guest& guest, int operation) const {
  wait_for(epoll_, guest.fd, (listens_ ? EPOLLIN : 0U) | (guest.waits_for_room ? EPOLLOUT : 0U), operation);
}

void Audience::listen(bool on) {
  if (on == listens_) return;
  listens_ = on;
  for (const Guest& guest : guests_) await(guest, EPOLL_CTL_MOD);
}

bool Audience::act(int fd, unsigned events) {
  if (fd == listener_.get()) {
    Fd connection(accept4(fd, nullptr, nullptr, SOCK_CLOEXEC));
    if (connection) add(std::move(connection), false);
    return true;
  }
  for (auto guest = guests_.begin(); guest != guests_.end(); ++guest) {
    if (guest->fd.get() != fd) continue;
    if ((events & EPOLLOUT) != 0) send(*guest);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !hear(*guest)) show_out(guest);
    return true;
  }
  return false;
}

bool Audience::hear(Guest& guest) {
  char bytes[16384];
  const ssize_t count = ::read(guest.fd.get(), bytes, sizeof bytes);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return false;
  guest.coming.append(bytes, static_cast<std::size_t>(count));
  take_frames(guest);
  return guest.coming.size() <= kFrameHead + kLongestFrame;
}

void Audience::take_frames(Guest& guest) {
  std::string_view rest = guest.coming;
  while (rest.size() >= kFrameHead && rest.size() - kFrameHead >= frame_size(rest)) {
    const std::string_view content = rest.substr(kFrameHead, frame_size(rest));
    if (rest[0] == 'i') handlers_.typed(content);
    if (rest[0] == 'e' && guest.first) handlers_.typed_all();
    if (rest[0] == 'w' && content.size() == 4) handlers_.resized({number_at(content, 0), number_at(content, 2)});
    rest.remove_prefix(kFrameHead + content.size());
  }
  guest.coming.erase(0, guest.coming.size() - rest.size());
}

void Audience::show_out(std::list<Guest>::iterator guest) { guests_.erase(guest); }  // epoll forgets what is closed

void Audience::finish(int status) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (Guest& guest : guests_) {
    guest.going += frame_head('x', 1) + static_cast<char>(status);
    send(guest);
    while (!guest.going.empty()) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
      pollfd room{guest.fd.get(), POLLOUT, 0};
      if (left <= 0 || poll(&room, 1, static_cast<int>(left)) <= 0 || (room.revents & POLLOUT) == 0) break;
      send(guest);
    }
  }
  guests_.clear();
}

}  // namespace coracle::engine
