// The floor's network: rtnetlink(7) by hand. One message makes both ends of the pair; the kernel answers each message
// that asks for it (NLM_F_ACK) before send(2) returns.
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "floor.hpp"

namespace {

// A netlink message while it grows. Attributes may contain attributes: a length is filled in at its end.
struct Message {
  alignas(4) char bytes[512] = {};
  unsigned size = 0;

  template <typename Header>
  Message(unsigned short type, int flags, const Header& header) {
    const auto all_flags = static_cast<unsigned short>(NLM_F_REQUEST | NLM_F_ACK | flags);
    add(nlmsghdr{0, type, all_flags, 0, 0});
    add(header);
  }

  template <typename Value>
  void add(const Value& value) {
    std::memcpy(bytes + size, &value, sizeof value);
    size += static_cast<unsigned>(RTA_ALIGN(sizeof value));
  }

  unsigned begin(unsigned short type) {
    const unsigned start = size;
    add(rtattr{0, type});
    return start;
  }

  void end(unsigned start) {
    const auto length = static_cast<unsigned short>(size - start);
    std::memcpy(bytes + start, &length, sizeof length);
  }

  template <typename Value>
  void attribute(unsigned short type, const Value& value) {
    const unsigned start = begin(type);
    add(value);
    end(start);
  }

  void attribute(unsigned short type, const std::string& text) {
    const unsigned start = begin(type);
    std::memcpy(bytes + size, text.c_str(), text.size() + 1);
    size += static_cast<unsigned>(RTA_ALIGN(text.size() + 1));
    end(start);
  }
};

int route_socket() {
  return static_cast<int>(must(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), "socket AF_NETLINK"));
}

void send(int socket, Message& message, const char* what) {
  std::memcpy(message.bytes, &message.size, sizeof message.size);  // nlmsg_len is the first field
  must(::send(socket, message.bytes, message.size, 0), what);
  alignas(nlmsghdr) char answer[4096];
  must(recv(socket, answer, sizeof answer, 0), what);
  const int error = static_cast<const nlmsgerr*>(NLMSG_DATA(answer))->error;
  errno = -error;
  must(error, what);
}

unsigned index_of(int socket, const std::string& name) {
  ifreq request{};
  std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  must(ioctl(socket, SIOCGIFINDEX, &request), name.c_str());
  return static_cast<unsigned>(request.ifr_ifindex);
}

ifinfomsg up(unsigned index = 0) {
  ifinfomsg link{};
  link.ifi_index = static_cast<int>(index);
  link.ifi_flags = link.ifi_change = IFF_UP;
  return link;
}

in_addr address_of(const std::string& text) {
  in_addr address{};
  inet_pton(AF_INET, text.c_str(), &address);
  return address;
}

void write_file(const std::string& path, const std::string& text) {
  const long file = must(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644), path.c_str());
  must(write(static_cast<int>(file), text.data(), text.size()), path.c_str());
  close(static_cast<int>(file));
}

void configure(const Veth& veth) {
  const int route = route_socket();
  const unsigned eth0 = index_of(route, "eth0");
  Message link(RTM_NEWLINK, 0, up(eth0));
  send(route, link, "set eth0 up");
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = 16;
  header.ifa_index = eth0;
  Message address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, header);
  address.attribute(IFA_LOCAL, address_of(veth.address));
  address.attribute(IFA_ADDRESS, address_of(veth.address));
  send(route, address, "add the address");
  rtmsg table{};
  table.rtm_family = AF_INET;
  table.rtm_table = RT_TABLE_MAIN;
  table.rtm_protocol = RTPROT_BOOT;
  table.rtm_scope = RT_SCOPE_UNIVERSE;
  table.rtm_type = RTN_UNICAST;
  Message gateway(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, table);
  gateway.attribute(RTA_GATEWAY, address_of(veth.gateway));
  gateway.attribute(RTA_OIF, eth0);
  send(route, gateway, "add the route");
  close(route);
}

}  // namespace

void make_veth(const Veth& veth, const std::string& scratch, pid_t child, int go) {
  const int route = route_socket();
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, up());
  message.attribute(IFLA_IFNAME, "floor-" + std::to_string(child));
  message.attribute(IFLA_NUM_TX_QUEUES, 1U);  // one queue each way: more take time to make, and a veth uses one
  message.attribute(IFLA_NUM_RX_QUEUES, 1U);
  message.attribute(IFLA_MASTER, index_of(route, veth.bridge));
  const unsigned info = message.begin(IFLA_LINKINFO);
  message.attribute(IFLA_INFO_KIND, std::string("veth"));
  const unsigned data = message.begin(IFLA_INFO_DATA);
  const unsigned peer = message.begin(VETH_INFO_PEER);
  message.add(ifinfomsg{});  // not up yet: at this moment it has no peer
  message.attribute(IFLA_IFNAME, std::string("eth0"));
  message.attribute(IFLA_NUM_TX_QUEUES, 1U);
  message.attribute(IFLA_NUM_RX_QUEUES, 1U);
  message.attribute(IFLA_NET_NS_PID, static_cast<unsigned>(child));
  message.end(peer);
  message.end(data);
  message.end(info);
  send(route, message, "make the veth pair");
  close(route);
  for (const char* name : {"/hosts", "/hostname", "/resolv.conf"}) write_file(scratch + name, veth.address + "\n");
  must(write(go, "g", 1), "say go");
}

void enter_veth(const Veth& veth, const std::string& scratch, int go) {
  char byte = 0;
  if (read(go, &byte, 1) != 1) _exit(125);  // the parent failed and said why
  configure(veth);
  for (const char* name : {"hosts", "hostname", "resolv.conf"}) {
    const std::string target = std::string("etc/") + name;
    close(open(target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    must(mount((scratch + "/" + name).c_str(), target.c_str(), nullptr, MS_BIND, nullptr), name);
  }
}
