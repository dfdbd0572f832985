// Connected unix sockets and the descriptors that travel over them: unix(7), SCM_RIGHTS in cmsg(3).
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "kernel/fd.hpp"

namespace coracle::kernel {

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
