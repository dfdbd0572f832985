#include "kernel/rtnetlink.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

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

void describe(NetlinkMessage& message, const VethEnd& end) {
  message.attribute_text(IFLA_IFNAME, end.name)
      .attribute(IFLA_ADDRESS, bytes(end.mac))
      .attribute(IFLA_NUM_TX_QUEUES, 1)
      .attribute(IFLA_NUM_RX_QUEUES, 1);
}

}  // namespace

std::optional<Ipv4> parse_ipv4(const std::string& text) {
  in_addr address{};
  if (inet_pton(AF_INET, text.c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

std::string ipv4_text(Ipv4 address) {
  return fmt::format("{}.{}.{}.{}", address >> 24U, (address >> 16U) & 255U, (address >> 8U) & 255U, address & 255U);
}

NetlinkMessage add_bridge(const std::string& name, const Mac& mac) {
  NetlinkMessage message("RTM_NEWLINK bridge " + name, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, up());
  message.attribute_text(IFLA_IFNAME, name).attribute(IFLA_ADDRESS, bytes(mac));
  message.begin(IFLA_LINKINFO).attribute_text(IFLA_INFO_KIND, "bridge").end();
  return message;
}

NetlinkMessage add_veth(const VethEnd& host, const VethEnd& peer, unsigned bridge, pid_t pid) {
  NetlinkMessage message(fmt::format("RTM_NEWLINK veth {} with its peer {} in pid {}", host.name, peer.name, pid),
                         RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, up());
  describe(message, host);
  message.attribute(IFLA_MASTER, bridge);
  message.begin(IFLA_LINKINFO).attribute_text(IFLA_INFO_KIND, "veth").begin(IFLA_INFO_DATA).begin(VETH_INFO_PEER);
  const ifinfomsg peer_link = up();
  message.raw({reinterpret_cast<const char*>(&peer_link), sizeof peer_link});
  describe(message, peer);
  message.attribute(IFLA_NET_NS_PID, static_cast<std::uint32_t>(pid));
  message.end().end().end();
  return message;
}

NetlinkMessage delete_link(const std::string& name) {
  NetlinkMessage message("RTM_DELLINK " + name, RTM_DELLINK, 0, ifinfomsg{});
  message.attribute_text(IFLA_IFNAME, name);
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

}  // namespace coracle::kernel
