#include "kernel/nftables.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "kernel/error.hpp"

namespace coracle::kernel {
namespace {

nfgenmsg header(std::uint8_t family, std::uint16_t resource = 0) {
  return {.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource)};
}

NetlinkMessage nft_message(std::string text, int type, int flags) {
  return {std::move(text), static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | type), flags,
          header(NFPROTO_IPV4)};
}

// Changes come in a batch: the kernel takes all that is between its begin and its end, or nothing.
void send_batch(NetlinkSocket& socket, NetlinkMessage change) {
  std::vector<NetlinkMessage> batch;
  batch.emplace_back("", NFNL_MSG_BATCH_BEGIN, 0, header(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
  batch.push_back(std::move(change));
  batch.emplace_back("", NFNL_MSG_BATCH_END, 0, header(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
  socket.send(std::move(batch));
}

// False when the kernel says that there is no such thing.
bool send_deletion(NetlinkSocket& socket, NetlinkMessage change) {
  try {
    send_batch(socket, std::move(change));
    return true;
  } catch (const Error& error) {
    if (error.code() != ENOENT) throw;
    return false;
  }
}

// One NFTA_SET_ELEM: its key, and its data in a map.
void put_element(NetlinkMessage& message, const NftElement& element) {
  message.begin(NFTA_LIST_ELEM | NLA_F_NESTED);
  message.begin(NFTA_SET_ELEM_KEY | NLA_F_NESTED).attribute(NFTA_DATA_VALUE, element.key.bytes()).end();
  if (!element.data.bytes().empty()) {
    message.begin(NFTA_SET_ELEM_DATA | NLA_F_NESTED).attribute(NFTA_DATA_VALUE, element.data.bytes()).end();
  }
  message.end();
}

}  // namespace

NftFields& NftFields::field(const void* data, std::size_t size) {
  bytes_.append(static_cast<const char*>(data), size);
  bytes_.resize((bytes_.size() + 3) / 4 * 4);  // each field begins on a register of 32 bits
  return *this;
}

NftFields& NftFields::protocol(std::uint8_t number) { return field(&number, sizeof number); }

NftFields& NftFields::service(std::uint16_t port) {
  const std::uint16_t big_endian = htons(port);
  return field(&big_endian, sizeof big_endian);
}

NftFields& NftFields::address(Ipv4 address) {
  const std::uint32_t big_endian = htonl(address);
  return field(&big_endian, sizeof big_endian);
}

void add_elements(NetlinkSocket& socket, const std::string& table, const std::vector<NftElement>& elements) {
}
}  // namespace coracle::kernel
