// Networks as things of their own: what the kernel has of them, who reaches whom, by which name.
#include <nlohmann/json.hpp>

#include "e2e/home.hpp"
#include "kernel/rtnetlink.hpp"

using namespace coracle;
using namespace coracle::test;
using nlohmann::json;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Takes the networks of a test away again.
class NetworkHome : public BusyboxHome {
 public:
  ~NetworkHome() { run({"network", "prune", "-f"}); }

  std::string good(const Words& words) const {
    const Result result = run(words);
    INFO(result.err);
    CHECK(result.status == 0);
    return result.out;
  }

  void refused(const Words& words, const std::string& expected, int status = 1) const {
    const Result result = run(words);
    INFO(result.err);
    CHECK(result.status == status);
    CHECK(contains(result.err, expected));
  }

  json inspected(const std::string& network) const { return json::parse(good({"network", "inspect", network})).at(0); }
};

}  // namespace

TEST_CASE("the networks bridge, host and none are always there and cannot be removed") {
  const NetworkHome home;
  const std::string table = home.good({"network", "ls"});
  CHECK(table.starts_with("NETWORK ID     NAME      DRIVER    SCOPE\n"));
  CHECK(contains(table, "   bridge    bridge    local\n"));
  CHECK(contains(table, "   host      host      local\n"));
  CHECK(contains(table, "   none      null      local\n"));
  for (const char* name : {"bridge", "host", "none"}) {
    home.refused({"network", "rm", name}, "is a pre-defined network and cannot be removed");
    home.refused({"network", "create", name}, "already exists");
  }
  CHECK(home.inspected("bridge").at("IPAM").at("Config").at(0).at("Subnet") == "10.77.0.0/16");
  CHECK(home.good({"network", "prune", "-f"}).empty());
}

TEST_CASE("a network is created with what was asked for, listed, inspected and removed") {
  const NetworkHome home;
  const std::string id = home.good({"network", "create", "--subnet", "10.90.3.0/24", "--gateway", "10.90.3.254",
                                    "--ip-range", "10.90.3.128/25", "--internal", "--label", "of=test", "back"});
  CHECK(id.size() == 65);
  const json network = home.inspected("back");
  CHECK(network.at("Id").get<std::string>() + "\n" == id);
  CHECK(network.at("IPAM").at("Config").dump() ==
        R"([{"Gateway":"10.90.3.254","IPRange":"10.90.3.128/25","Subnet":"10.90.3.0/24"}])");
  CHECK(network.at("Internal") == true);
  CHECK(network.at("Driver") == "bridge");
  CHECK(network.at("Labels").at("of") == "test");
  CHECK(network.at("Containers").empty());
  CHECK(home.good({"network", "ls", "-q", "--filter", "label=of=test"}) == id.substr(0, 12) + "\n");
  CHECK(home.good({"network", "ls", "-q", "--no-trunc", "-f", "type=custom", "-f", "name=ac"}) == id);
  CHECK(home.good({"network", "ls", "-q", "-f", "label=of=other"}).empty());
  home.refused({"network", "ls", "-f", "color=red"}, "the filters are", 125);
  CHECK(home.good({"network", "rm", id.substr(0, 5)}) == id.substr(0, 5) + "\n");
  home.refused({"network", "inspect", "back"}, "network back not found");
  home.refused({"network", "rm", "back"}, "network back not found");
  CHECK(home.run({"network", "rm", "-f", "back"}).status == 0);
}

TEST_CASE("networks are given subnets that neither another one nor the host has") {
  const NetworkHome home;
  REQUIRE(test::run({"sh", "-c",
                     "ip link add coy0 type veth peer name coy1 && ip link set coy0 up && ip link set coy1 up &&"
                     "ip addr add 10.78.1.9/24 dev coy0"})
              .status == 0);
  home.good({"network", "create", "one"});
  home.good({"network", "create", "two"});
  const auto subnet = [&](const char* name) { return home.inspected(name).at("IPAM").at("Config").at(0).at("Subnet"); };
  CHECK(subnet("one") == "10.78.0.0/24");
  CHECK(subnet("two") == "10.78.2.0/24");
  home.refused({"network", "create", "one"}, "network with name one already exists");
  home.refused({"network", "create", "--subnet", "10.78.0.0/16", "three"}, "overlaps with that of the network one");
  home.refused({"network", "create", "--subnet", "10.78.1.0/25", "three"},
               "this host has the network 10.78.1.0/24 on coy0");
  CHECK(home.good({"network", "prune", "-f"}) == "Deleted Networks:\none\ntwo\n\n");
  test::run({"ip", "link", "delete", "coy0"});
}

TEST_CASE("a network that cannot be is refused, and nothing is made of it") {
  const NetworkHome home;
  const auto refused = [&](Words words, const std::string& expected) {
    words.insert(words.begin(), {"network", "create"});
    home.refused(words, expected);
  };
  refused({"no/name"}, "a name has 1 to 255");
  refused({"container"}, "it means something else to --net");
  refused({"--subnet", "10.90.3.1/24", "net"}, "it is an IPv4 network");
  refused({"--subnet", "10.90.3.0/24", "--gateway", "10.90.4.1", "net"}, "no address in the subnet");
  refused({"--subnet", "10.90.3.0/24", "--ip-range", "10.90.4.0/25", "net"}, "is not inside the subnet");
  refused({"--gateway", "10.90.4.1", "net"}, "need the subnet");
  refused({"-d", "carrier-pigeon", "net"}, "there is no driver carrier-pigeon");
  CHECK(home.good({"network", "ls", "-q", "-f", "type=custom"}).empty());
}
