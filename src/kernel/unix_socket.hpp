// Connected unix sockets and the descriptors that travel over them: unix(7), SCM_RIGHTS in cmsg(3).
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>

#include "kernel/fd.hpp"

namespace coracle::kernel {

// A stream that is not connected yet, and what bind(2) and connect(2) take for the socket `name` in `directory`. That
// goes by descriptor, because the path in an address has at most 107 bytes. Throws Error for a longer name.
Fd unix_socket();
sockaddr_un unix_address(const Fd& directory, const std::string& name);

// Two ends of a stream.
std::pair<Fd, Fd> socketpair();

// One message: the text, which must not be empty, and the descriptor with it.
void send_descriptor(const Fd& socket, const Fd& descriptor, std::string_view text);

struct Message {
  std::string text;  // "" is the end: the other side is closed
  Fd descriptor;     // when there was one
};

// Waits for what comes, at most `limit` bytes of it.
Message receive_message(const Fd& socket, std::size_t limit = 4096);

}  // namespace coracle::kernel
