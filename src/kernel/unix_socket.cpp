#include "kernel/unix_socket.hpp"

#include <cstring>

#include "kernel/mount.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

// Room for one descriptor: what comes beyond it, the kernel closes (MSG_CTRUNC).
union Control {
  cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

}  // namespace

Fd unix_socket() {
  return Fd(attempt([] { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }, "socket AF_UNIX"));
}

sockaddr_un unix_address(const Fd& directory, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = path_of(directory) + "/" + name;
  if (path.size() >= sizeof address.sun_path) throw Error("use the socket " + name, ENAMETOOLONG);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

std::pair<Fd, Fd> socketpair() {
  int ends[2];
  attempt([&] { return ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends); }, "socketpair");
  return {Fd(ends[0]), Fd(ends[1])};
}

void send_descriptor(const Fd& socket, const Fd& descriptor, std::string_view text) {
  Control control{};
  iovec data{const_cast<char*>(text.data()), text.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  cmsghdr* const rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  const int number = descriptor.get();
  std::memcpy(CMSG_DATA(rights), &number, sizeof number);
  attempt([&] { return sendmsg(socket.get(), &message, MSG_NOSIGNAL); }, "sendmsg the descriptor of {}", text);
}

Message receive_message(const Fd& socket, std::size_t limit) {
  Message received{std::string(limit, '\0'), {}};
  Control control{};
  iovec data{received.text.data(), received.text.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  const ssize_t length = attempt([&] { return recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC); }, "recvmsg");
  received.text.resize(static_cast<std::size_t>(length));
  const cmsghdr* const rights = CMSG_FIRSTHDR(&message);
  if (rights != nullptr && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
    int number = -1;
    std::memcpy(&number, CMSG_DATA(rights), sizeof number);
    received.descriptor = Fd(number);
  }
  return received;
}

}  // namespace coracle::kernel
