#include "kernel/netlink.hpp"

#include <algorithm>
#include <cstring>

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

// Every header and attribute begins on four bytes (NLMSG_ALIGNTO, NLA_ALIGNTO).
void pad(std::string& bytes) { bytes.resize(NLA_ALIGN(bytes.size())); }

std::string_view view(const nlmsghdr& head) { return {reinterpret_cast<const char*>(&head), head.nlmsg_len}; }

// The kernel's words behind an error: NLMSGERR_ATTR_MSG among the attributes that follow the nlmsgerr.
std::string explanation(const nlmsghdr& head) {
  if ((head.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  const auto& error = *static_cast<const nlmsgerr*>(NLMSG_DATA(&head));
  // Without NLM_F_CAPPED the whole refused message stands between them.
  const std::size_t payload = (head.nlmsg_flags & NLM_F_CAPPED) != 0 ? 0 : error.msg.nlmsg_len - sizeof(nlmsghdr);
  std::string_view rest = view(head);
  rest.remove_prefix(std::min(rest.size(), NLMSG_HDRLEN + NLMSG_ALIGN(sizeof error + payload)));
  while (rest.size() >= sizeof(nlattr)) {
    nlattr attribute{};
    std::memcpy(&attribute, rest.data(), sizeof attribute);
    if (attribute.nla_len < sizeof attribute || attribute.nla_len > rest.size()) break;
    if (attribute.nla_type == NLMSGERR_ATTR_MSG) {
      const std::string_view text = rest.substr(NLA_HDRLEN, attribute.nla_len - NLA_HDRLEN);
      return std::string(text.substr(0, text.find('\0')));
    }
    rest.remove_prefix(std::min<std::size_t>(rest.size(), NLA_ALIGN(attribute.nla_len)));
  }
  return {};
}

}  // namespace

NetlinkMessage::NetlinkMessage(std::string text, std::uint16_t type, int flags, const void* header, std::size_t size)
    : text_(std::move(text)), bytes_(NLMSG_HDRLEN, '\0') {
  bytes_.reserve(256);
  raw({static_cast<const char*>(header), size});
  head().nlmsg_type = type;
  head().nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
}

NetlinkMessage& NetlinkMessage::attribute(std::uint16_t type, std::string_view bytes) {
  return begin(type).raw(bytes).end();
}

NetlinkMessage& NetlinkMessage::attribute(std::uint16_t type, std::uint32_t number) {
  return attribute(type, std::string_view(reinterpret_cast<const char*>(&number), sizeof number));
}

NetlinkMessage& NetlinkMessage::attribute_text(std::uint16_t type, const std::string& text) {
  return attribute(type, std::string_view(text.c_str(), text.size() + 1));
}

NetlinkMessage& NetlinkMessage::begin(std::uint16_t type) {
  open_.push_back(bytes_.size());
  nlattr attribute{};
  attribute.nla_type = type;
  return raw({reinterpret_cast<const char*>(&attribute), sizeof attribute});
}

NetlinkMessage& NetlinkMessage::end() {
  auto& attribute = *reinterpret_cast<nlattr*>(bytes_.data() + open_.back());
  attribute.nla_len = static_cast<std::uint16_t>(bytes_.size() - open_.back());
  open_.pop_back();
  pad(bytes_);
  return *this;
}

NetlinkMessage& NetlinkMessage::raw(std::string_view bytes) {
  bytes_.append(bytes);
  // An attribute's length does not count its padding, so only end() pads inside one; a header is padded at once.
  if (open_.empty()) pad(bytes_);
  return *this;
}

NetlinkMessage& NetlinkMessage::acknowledge() {
  head().nlmsg_flags |= NLM_F_ACK;
  return *this;
}

NetlinkSocket::NetlinkSocket(int protocol)
    : fd_(attempt([&] { return ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol); }, "socket AF_NETLINK {}",
                  protocol == NETLINK_ROUTE ? "NETLINK_ROUTE" : "NETLINK_NETFILTER")) {
  const int on = 1;
  setsockopt(fd_.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);  // kernels before 4.12 explain nothing
}

// An error is always answered, a success only where it is asked for. So one acknowledgement, of the last message
// that acts, says that all went well, and one call reads it.
void NetlinkSocket::send(std::vector<NetlinkMessage> messages) {
  const auto acknowledged = [](NetlinkMessage& each) { return (each.head().nlmsg_flags & NLM_F_ACK) != 0; };
  if (std::none_of(messages.begin(), messages.end(), acknowledged)) messages.back().acknowledge();
  exchange(messages);
}

std::optional<std::string> NetlinkSocket::ask(NetlinkMessage message) {
  std::vector<NetlinkMessage> messages;
  messages.push_back(std::move(message));
  try {
    return exchange(messages);
  } catch (const Error& error) {
    if (error.code() == ENOENT || error.code() == ENODEV) return std::nullopt;
    throw;
  }
}

std::optional<std::string> NetlinkSocket::exchange(std::vector<NetlinkMessage>& messages) {
  const std::uint32_t first = sequence_;
  std::uint32_t awaited = first;
  std::string bytes, text;
  for (NetlinkMessage& message : messages) {
    message.head().nlmsg_len = static_cast<std::uint32_t>(message.bytes_.size());
    message.head().nlmsg_seq = sequence_++;
    if ((message.head().nlmsg_flags & NLM_F_ACK) != 0) awaited = message.head().nlmsg_seq;
    bytes += message.bytes_;
    if (!message.text_.empty()) text += (text.empty() ? "" : ", ") + message.text_;
  }
  attempt([&] { return ::send(fd_.get(), bytes.data(), bytes.size(), 0); }, "netlink {}", text);

  alignas(nlmsghdr) char buffer[16384];
  while (true) {
    // The kernel has acted and answered when send(2) returns: there is nothing to wait for.
    const ssize_t count = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (count < static_cast<ssize_t>(sizeof(nlmsghdr))) throw Error("read the answer to netlink " + text, errno);
    const auto& head = *reinterpret_cast<const nlmsghdr*>(buffer);
    if (head.nlmsg_seq - first >= messages.size()) continue;
    if (head.nlmsg_type != NLMSG_ERROR) return std::string(view(head).substr(NLMSG_HDRLEN));
    const int code = -static_cast<const nlmsgerr*>(NLMSG_DATA(&head))->error;
    if (code == 0 && head.nlmsg_seq == awaited) return std::nullopt;
    if (code == 0) continue;
    const std::string& refused = messages[head.nlmsg_seq - first].text();
    throw Error("netlink " + (refused.empty() ? text : refused), code, explanation(head));
  }
}

unsigned NetlinkSocket::link_index(const std::string& name) const {
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name) return 0;
  std::memcpy(request.ifr_name, name.c_str(), name.size() + 1);
  // SIOCGIFINDEX in netdevice(7): any socket will do, and it takes no lock that a RTM_GETLINK would wait for.
  const int result =
      note_call([&] { return ::ioctl(fd_.get(), SIOCGIFINDEX, &request); }, "ioctl SIOCGIFINDEX {}", name);
  return result == 0 ? static_cast<unsigned>(request.ifr_ifindex) : 0;
}

bool valid_link_name(std::string_view name) {
  const auto bad = [](char each) { return each == '/' || each == ':' || each <= ' ' || each > '~'; };
  return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
         std::none_of(name.begin(), name.end(), bad);
}

}  // namespace coracle::kernel
