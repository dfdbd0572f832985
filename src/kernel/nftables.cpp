#include "kernel/nftables.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
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
  return {std::move(text), static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | type), flags, header(NFPROTO_IPV4)};
}

// Changes come in a batch: the kernel takes all that is between its begin and its end, or nothing.
void send_batch(NetlinkSocket& socket, std::vector<NetlinkMessage> changes) {
  changes.back().acknowledge();  // and not the end of the batch: kernels before 6.10 never answer that
  changes.emplace(changes.begin(), "", NFNL_MSG_BATCH_BEGIN, 0, header(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
  changes.emplace_back("", NFNL_MSG_BATCH_END, 0, header(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
  socket.send(std::move(changes));
}

// False when the kernel says that there is no such thing.
bool send_deletion(NetlinkSocket& socket, NetlinkMessage change) {
  try {
    send_batch(socket, {std::move(change)});
    return true;
  } catch (const Error& error) {
    if (error.code() != ENOENT) throw;
    return false;
  }
}

NetlinkMessage element_message(const char* call, int type, int flags, const std::string& table,
                               const NftElement& element) {
  NetlinkMessage message = nft_message(fmt::format("{} {} {}", call, table, element.map), type, flags);
  message.attribute_text(NFTA_SET_ELEM_LIST_TABLE, table).attribute_text(NFTA_SET_ELEM_LIST_SET, element.map);
  message.begin(NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED).begin(NFTA_LIST_ELEM | NLA_F_NESTED);
  message.begin(NFTA_SET_ELEM_KEY | NLA_F_NESTED).attribute(NFTA_DATA_VALUE, element.key.bytes()).end();
  if (!element.data.bytes().empty()) {
    message.begin(NFTA_SET_ELEM_DATA | NLA_F_NESTED).attribute(NFTA_DATA_VALUE, element.data.bytes()).end();
  }
  message.end().end();
  return message;
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
  std::vector<NetlinkMessage> changes;
  changes.reserve(elements.size() + 2);  // and the begin and the end of the batch
  for (const NftElement& element : elements) {
    changes.push_back(
        element_message("NFT_MSG_NEWSETELEM", NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, table, element));
  }
  if (!changes.empty()) send_batch(socket, std::move(changes));
}

bool delete_element(NetlinkSocket& socket, const std::string& table, const NftElement& element) {
  return send_deletion(socket, element_message("NFT_MSG_DELSETELEM", NFT_MSG_DELSETELEM, 0, table, element));
}

bool table_exists(NetlinkSocket& socket, const std::string& table) {
  NetlinkMessage question = nft_message("NFT_MSG_GETTABLE " + table, NFT_MSG_GETTABLE, 0);
  question.attribute_text(NFTA_TABLE_NAME, table);
  return socket.ask(std::move(question)).has_value();
}

bool delete_table(NetlinkSocket& socket, const std::string& table) {
  NetlinkMessage change = nft_message("NFT_MSG_DELTABLE " + table, NFT_MSG_DELTABLE, 0);
  change.attribute_text(NFTA_TABLE_NAME, table);
  return send_deletion(socket, std::move(change));
}

}  // namespace coracle::kernel
