// nftables from a program: adding and deleting elements of a map, and asking for tables, straight over netlink
// (<linux/netfilter/nf_tables.h>, nft(8)). The rules themselves are text that `nft -f` loads once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernel/netlink.hpp"
#include "kernel/rtnetlink.hpp"

namespace coracle::kernel {

// A value of a set or map whose type is a concatenation: "inet_proto . inet_service" is two fields.
class NftFields {
 public:
  NftFields& protocol(std::uint8_t number);  // inet_proto: IPPROTO_TCP
  NftFields& service(std::uint16_t port);    // inet_service
  NftFields& address(Ipv4 address);          // ipv4_addr

  const std::string& bytes() const { return bytes_; }

 private:
  NftFields& field(const void* data, std::size_t size);

  std::string bytes_;
};

struct NftElement {
  std::string map;
  NftFields key;
  NftFields data;  // empty in a set, and where an element is deleted
};

// All below is for tables of the family "ip", with a socket of NETLINK_NETFILTER.

// Adds all elements or none. Error EEXIST: one is there already; ENOENT: the table or the map is not there.
void add_elements(NetlinkSocket& socket, const std::string& table, const std::vector<NftElement>& elements);

// Deletes one element; false when it is not there.
bool delete_element(NetlinkSocket& socket, const std::string& table, const NftElement& element);

bool table_exists(NetlinkSocket& socket, const std::string& table);

// Deletes a table with all that is in it; false when it is not there.
bool delete_table(NetlinkSocket& socket, const std::string& table);

}  // namespace coracle::kernel
