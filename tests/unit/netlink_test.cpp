// Messages to the kernel's network stack, and to its firewall, against the kernel itself.
#include "kernel/nftables.hpp"

#include <netinet/in.h>

#include "kernel/error.hpp"
#include "support/network.hpp"

using namespace coracle::kernel;
using coracle::test::in_network_of;
using coracle::test::run;

namespace {

// A process in a network namespace of its own, and this test in it as long as `Elsewhere` lives.
class Elsewhere {
 public:
  Elsewhere() { unshare(CLONE_NEWNET); }
  ~Elsewhere() { setns(home_, CLONE_NEWNET); }

 private:
  Fd home_ = coracle::kernel::open("/proc/self/ns/net", O_RDONLY);
};

template <typename Action>
int code_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return 0;
}

std::string output(const std::vector<std::string>& command) {
  const auto result = run(command);
  INFO(result.err);
  CHECK(result.status == 0);
  return result.out;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

constexpr Ipv4 kAddress = 0x0a4d0001;  // 10.77.0.1

}  // namespace

TEST_CASE("addresses are read as four numbers and nothing else") {
  CHECK(parse_ipv4("10.77.0.1") == kAddress);
  CHECK(ipv4_text(kAddress) == "10.77.0.1");
  for (const char* bad : {"", "10.77.0", "10.77.0.256", "10.77.0.1/16", " 10.77.0.1", "::1", "localhost"}) {
    INFO(bad);
    CHECK_FALSE(parse_ipv4(bad));
  }
}

TEST_CASE("a link's name has at most 15 bytes and no slash") {
  CHECK(valid_link_name("coracle0"));
  CHECK(valid_link_name("cor0123456789ab"));
  for (const char* bad : {"", ".", "..", "a/b", "a b", "a:b", "cor0123456789abc", "br\xc3\xa4"}) {
    INFO(bad);
    CHECK_FALSE(valid_link_name(bad));
  }
}

TEST_CASE("a bridge is made with its MAC and is up, and is deleted") {
  const Elsewhere elsewhere;
  NetlinkSocket route(NETLINK_ROUTE);
  CHECK(route.link_index("testing0") == 0);
  route.send({add_bridge("testing0", mac_of(kAddress))});
  CHECK(route.link_index("testing0") != 0);
  route.send({add_address(route.link_index("testing0"), kAddress, 16)});
  const std::string shown = output({"ip", "-d", "addr", "show", "testing0"});
  CHECK(contains(shown, "02:42:0a:4d:00:01"));
  CHECK(contains(shown, ",UP"));
  CHECK(contains(shown, "inet 10.77.0.1/16 brd 10.77.255.255"));
  CHECK(code_of([&] { route.send({add_bridge("testing0", mac_of(kAddress))}); }) == EEXIST);
  route.send({delete_link("testing0")});
  CHECK(route.link_index("testing0") == 0);
  CHECK(code_of([&] { route.send({delete_link("testing0")}); }) == ENODEV);
}

TEST_CASE("several messages go in one call, and the first that is refused is named") {
  const Elsewhere elsewhere;
  NetlinkSocket route(NETLINK_ROUTE);
  route.send({add_bridge("testing0", mac_of(kAddress))});
  const unsigned index = route.link_index("testing0");
  route.send({set_up(1), add_address(index, kAddress + 1, 16), add_default_route(index, kAddress)});
  CHECK(contains(output({"ip", "route"}), "default via 10.77.0.1 dev testing0"));

  try {
    route.send({set_up(1), add_address(index, kAddress + 1, 16), set_up(4711)});
    FAIL("the address is there already");
  } catch (const Error& error) {
    CHECK(error.code() == EEXIST);
    CHECK(contains(error.what(), "RTM_NEWADDR 10.77.0.2/16"));
    CHECK(error.hint() == "ipv4: Address already assigned");  // the kernel's own words
  }
  CHECK(code_of([&] { route.send({set_up(index)}); }) == 0);  // stale answers do not confuse what follows
}

TEST_CASE("a veth pair has one end on the bridge and the other in the namespace of the process") {
  coracle::test::World other;
  NetlinkSocket route(NETLINK_ROUTE);
  route.send({add_bridge("testing0", mac_of(kAddress))});
  route.send({add_veth("testing1", route.link_index("testing0"), "eth7", mac_of(kAddress + 1), other.pid())});
  CHECK(contains(output({"ip", "-o", "link", "show", "master", "testing0"}), "testing1@"));
  CHECK(contains(output({"ip", "-d", "link", "show", "testing1"}), "numtxqueues 1 numrxqueues 1"));
  CHECK(route.link_index("eth7") == 0);
  in_network_of(other.pid(), [] {
    CHECK(NetlinkSocket(NETLINK_ROUTE).link_index("eth7") != 0);
    CHECK(contains(output({"ip", "link", "show", "eth7"}), "02:42:0a:4d:00:02"));
  });
  route.send({disable_port(route.link_index("testing1"))});
  CHECK(contains(output({"bridge", "-d", "link", "show", "dev", "testing1"}), "state disabled"));
  route.send({delete_link("testing1")});
  route.send({delete_link("testing0")});
}

TEST_CASE("a network of the host is found, the default route is not one") {
  const Elsewhere elsewhere;
  NetlinkSocket route(NETLINK_ROUTE);
  CHECK(network_of(route, kAddress).empty());
  route.send({add_bridge("testing0", mac_of(kAddress))});
  const unsigned index = route.link_index("testing0");
  route.send({add_address(index, kAddress, 16), add_default_route(index, kAddress + 1)});
  CHECK(network_of(route, kAddress + 77) == "10.77.0.0/16 on testing0");
  CHECK(network_of(route, 0x08080808).empty());
}

TEST_CASE("elements are added to maps all at once or not at all, and taken back") {
  const Elsewhere elsewhere;
  NetlinkSocket nftables(NETLINK_NETFILTER);
  CHECK_FALSE(table_exists(nftables, "testing"));
  output({"nft",
          "add table ip testing; add map ip testing ports { type inet_proto . inet_service : ipv4_addr . inet_service; "
          "}"});
  CHECK(table_exists(nftables, "testing"));

  const auto element = [](std::uint16_t port) {
    NftElement result{"ports", {}, {}};
    result.key.protocol(IPPROTO_TCP).service(port);
    result.data.address(kAddress + 1).service(80);
    return result;
  };
  const auto listed = [] { return output({"nft", "list", "map", "ip", "testing", "ports"}); };
  add_elements(nftables, "testing", {element(8080)});
  CHECK(contains(listed(), "tcp . 8080 : 10.77.0.2 . 80"));

  CHECK(code_of([&] { add_elements(nftables, "testing", {element(8081), element(8080)}); }) == EEXIST);
  CHECK_FALSE(contains(listed(), "8081"));
  CHECK(code_of([&] { add_elements(nftables, "elsewhere", {element(8082)}); }) == ENOENT);

  const auto key = [&](std::uint16_t port) { return NftElement{"ports", element(port).key, {}}; };
  CHECK(delete_element(nftables, "testing", key(8080)));
  CHECK_FALSE(contains(listed(), "8080"));
  CHECK_FALSE(delete_element(nftables, "testing", key(8080)));
  CHECK_FALSE(delete_element(nftables, "elsewhere", key(8080)));

  CHECK(delete_table(nftables, "testing"));
  CHECK_FALSE(table_exists(nftables, "testing"));
  CHECK_FALSE(delete_table(nftables, "testing"));
}
