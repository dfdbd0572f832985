// Netlink: messages to the kernel's network stack and its answers; netlink(7). What the messages say is in
// rtnetlink.hpp (links, addresses, routes) and nftables.hpp (the firewall).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <linux/netlink.h>

#include "kernel/fd.hpp"

namespace coracle::kernel {

// One message: a header of netlink, a header of the family (ifinfomsg, nfgenmsg, ...), attributes.
class NetlinkMessage {
 public:
  // `text` says what the message asks for, in the timeline and in an Error.
  template <typename Header>
  NetlinkMessage(std::string text, std::uint16_t type, int flags, const Header& header)
      : NetlinkMessage(std::move(text), type, flags, &header, sizeof header) {}

  NetlinkMessage& attribute(std::uint16_t type, std::string_view bytes);
  NetlinkMessage& attribute(std::uint16_t type, std::uint32_t number);
  // With the zero at its end, as the kernel's NLA_NUL_STRING wants it.
  NetlinkMessage& attribute_text(std::uint16_t type, const std::string& text);
  // The attributes until end() are inside this one.
  NetlinkMessage& begin(std::uint16_t type);
  NetlinkMessage& end();
  // Bytes that are no attribute (the peer of a veth begins with an ifinfomsg).
  NetlinkMessage& raw(std::string_view bytes);

  // The kernel answers when it has done this one.
  NetlinkMessage& acknowledge();

  const std::string& text() const { return text_; }

 private:
  friend class NetlinkSocket;
  NetlinkMessage(std::string text, std::uint16_t type, int flags, const void* header, std::size_t size);
  nlmsghdr& head() { return *reinterpret_cast<nlmsghdr*>(bytes_.data()); }

  std::string text_;
  std::string bytes_;
  std::vector<std::size_t> open_;  // where the attributes begin that end() will close
};

class NetlinkSocket {
 public:
  // `protocol` is NETLINK_ROUTE or NETLINK_NETFILTER. It works in the network namespace where it was made.
  explicit NetlinkSocket(int protocol);

  // Sends the messages in one call; the kernel acts on them in order before the call returns. Throws Error for
  // the first one that it refused, with the kernel's own explanation when it gives one (NETLINK_EXT_ACK).
  // Waits for the last message that is to be acknowledged: the last of all, unless another one has been chosen.
  void send(std::vector<NetlinkMessage> messages);

  // Asks one question and gives the message that answers it, without its nlmsghdr; nothing when the kernel says
  // ENOENT or ENODEV: there is no such thing.
  std::optional<std::string> ask(NetlinkMessage message);

  // The number of the link called `name` in this socket's namespace, 0 when there is none.
  unsigned link_index(const std::string& name) const;

 private:
  std::optional<std::string> exchange(std::vector<NetlinkMessage>& messages);

  Fd fd_;
  std::uint32_t sequence_ = 0;  // of the next message; an answer to an earlier one is stale
};

// A link name, as netdevice(7) allows it: 1 to 15 bytes, no '/', no space, not "." or "..".
bool valid_link_name(std::string_view name);

}  // namespace coracle::kernel
