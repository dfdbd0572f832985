#include "kernel/rtnetlink.hpp"

#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include "kernel/error.hpp"

namespace coracle::kernel {
namespace {

std::string_view bytes(const Mac& mac) { return {reinterpret_cast<const char*>(mac.data()), mac.size()}; }

// An ifinfomsg that brings the link up.
ifinfomsg up(unsigned index = 0) {
  ifinfomsg link{};
  link.ifi_family = AF_UNSPEC;
  link.ifi_index = static_cast<int>(index);
  link.ifi_flags = IFF_UP;
  link.ifi_change = IFF_UP;
  return link;
}

void put_veth_end(NetlinkMessage& message, const std::string& name) {
  message.attribute_text(IFLA_IFNAME, name).attribute(IFLA_NUM_TX_QUEUES, 1).attribute(IFLA_NUM_RX_QUEUES, 1);
}

}  // namespace

std::optional<Ipv4> parse_ipv4(const std::string& text) {
  in_addr address{};
  if (inet_pton(AF_INET, text.c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

bool is_ipv6(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

std::string ipv4_text(Ipv4 address) {
  return fmt::format("{}.{}.{}.{}", address >> 24U, (address >> 16U) & 255U, (address >> 8U) & 255U, address & 255U);
}

Mac mac_of(Ipv4 address) {
  const auto byte = [&](unsigned shift) { return static_cast<std::uint8_t>(address >> shift); };
  return {0x02, 0x42, byte(24), byte(16), byte(8), byte(0)};
}

NetlinkMessage add_bridge(const std::string& name, const Mac& mac) {
  NetlinkMessage message("RTM_NEWLINK bridge " + name, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, up());
  message.attribute_text(IFLA_IFNAME, name).attribute(IFLA_ADDRESS, bytes(mac));
  message.begin(IFLA_LINKINFO).attribute_text(IFLA_INFO_KIND, "bridge").end();
  return message;
}

NetlinkMessage add_veth(const std::string& host, unsigned bridge, const std::string& peer, const Mac& mac, pid_t pid) {
  NetlinkMessage message(fmt::format("RTM_NEWLINK veth {} with its peer {} in pid {}", host, peer, pid), RTM_NEWLINK,
                         NLM_F_CREATE | NLM_F_EXCL, up());
  put_veth_end(message, host);
  message.attribute(IFLA_MASTER, bridge);
  message.begin(IFLA_LINKINFO).attribute_text(IFLA_INFO_KIND, "veth").begin(IFLA_INFO_DATA).begin(VETH_INFO_PEER);
  constexpr ifinfomsg peer_link{};
  message.raw({reinterpret_cast<const char*>(&peer_link), sizeof peer_link});
  put_veth_end(message, peer);
  message.attribute(IFLA_ADDRESS, bytes(mac)).attribute(IFLA_NET_NS_PID, static_cast<std::uint32_t>(pid));
  message.end().end().end();
  return message;
}

NetlinkMessage delete_link(const std::string& name) {
  NetlinkMessage message("RTM_DELLINK " + name, RTM_DELLINK, 0, ifinfomsg{});
  message.attribute_text(IFLA_IFNAME, name);
  return message;
}

NetlinkMessage set_hairpin(const std::string& port) {
  NetlinkMessage message("RTM_NEWLINK " + port + " hairpin", RTM_NEWLINK, 0, ifinfomsg{});
  constexpr char on = 1;
  message.attribute_text(IFLA_IFNAME, port);
  message.begin(IFLA_LINKINFO).attribute_text(IFLA_INFO_SLAVE_KIND, "bridge").begin(IFLA_INFO_SLAVE_DATA);
  message.attribute(IFLA_BRPORT_MODE, std::string_view(&on, 1)).end().end();
  return message;
}

NetlinkMessage disable_port(unsigned index) {
  ifinfomsg port{};
  port.ifi_family = AF_BRIDGE;
  port.ifi_index = static_cast<int>(index);
  NetlinkMessage message(fmt::format("RTM_SETLINK {} port disabled", index), RTM_SETLINK, 0, port);
  constexpr char disabled = BR_STATE_DISABLED;
  message.begin(IFLA_PROTINFO | NLA_F_NESTED)
      .attribute(IFLA_BRPORT_STATE, std::string_view(&disabled, 1))
      .attribute(IFLA_BRPORT_FLUSH, std::string_view())
      .end();
  return message;
}

NetlinkMessage set_up(unsigned index) { return {fmt::format("RTM_SETLINK {} up", index), RTM_SETLINK, 0, up(index)}; }

NetlinkMessage add_address(unsigned index, Ipv4 address, unsigned prefix) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = static_cast<std::uint8_t>(prefix);
  header.ifa_index = index;
  NetlinkMessage message(fmt::format("RTM_NEWADDR {}/{}", ipv4_text(address), prefix), RTM_NEWADDR,
                         NLM_F_CREATE | NLM_F_EXCL, header);
  const Ipv4 broadcast = prefix < 32 ? address | (~Ipv4{0} >> prefix) : address;
  return std::move(message.attribute(IFA_LOCAL, htonl(address))
                       .attribute(IFA_ADDRESS, htonl(address))
                       .attribute(IFA_BROADCAST, htonl(broadcast)));
}

NetlinkMessage add_default_route(unsigned index, Ipv4 gateway) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_BOOT;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  NetlinkMessage message("RTM_NEWROUTE default via " + ipv4_text(gateway), RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL,
                         header);
  return std::move(message.attribute(RTA_GATEWAY, htonl(gateway)).attribute(RTA_OIF, index));
}

std::string network_of(NetlinkSocket& socket, Ipv4 address) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = 32;
  header.rtm_flags = RTM_F_FIB_MATCH;  // the entry of the table, and not a route made for this one address
  NetlinkMessage question("RTM_GETROUTE " + ipv4_text(address), RTM_GETROUTE, 0, header);
  question.attribute(RTA_DST, htonl(address));
  std::optional<std::string> answer;
  try {
    answer = socket.ask(std::move(question));
  } catch (const Error& error) {
    if (error.code() != ENETUNREACH) throw;
  }
  if (!answer || answer->size() < sizeof header) return {};
  std::memcpy(&header, answer->data(), sizeof header);
  if (header.rtm_dst_len == 0) return {};
  char name[IF_NAMESIZE] = "?";
  int left = static_cast<int>(answer->size() - sizeof header);
  auto* attribute = reinterpret_cast<rtattr*>(answer->data() + sizeof header);
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type == RTA_OIF) if_indextoname(*static_cast<unsigned*>(RTA_DATA(attribute)), name);
  }
  const Ipv4 mask = ~Ipv4{0} << (32U - header.rtm_dst_len);
  return fmt::format("{}/{} on {}", ipv4_text(address & mask), header.rtm_dst_len, name);
}

}  // namespace coracle::kernel
