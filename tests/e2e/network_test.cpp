// Networks as things of their own: what the kernel has of them, who reaches whom, by which name.
#include <csignal>

#include <sys/socket.h>
#include <sys/wait.h>

#include <nlohmann/json.hpp>

#include "e2e/home.hpp"
#include "support/network.hpp"

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

TEST_CASE("containers of a network find each other by name, id and alias, and the rest of the world by its names") {
  const NetworkHome home;
  home.good({"network", "create", "--subnet", "10.90.3.0/24", "back"});
  Running db(home.command({"run", "--rm", "--net", "back", "--name", "db", "--net-alias", "store", "--ip", "10.90.3.77",
                           "busybox", "sh", "-c", "echo ready; exec sleep 1000"}));
  db.read_until("ready");
  const Result asked = home.run({"run", "--rm", "--net", "back", "--name", "web", "busybox", "sh", "-c",
                                 "cat /etc/resolv.conf; nslookup db; nslookup store; nslookup web; nslookup nobody.; "
                                 "ip -4 addr show eth0; ip route"});
  INFO(asked.out << asked.err);
  CHECK(contains(asked.out, "nameserver 10.90.3.1\n"));
  CHECK(contains(asked.out, "Name:\tdb\nAddress: 10.90.3.77\n"));
  CHECK(contains(asked.out, "Name:\tstore\nAddress: 10.90.3.77\n"));
  CHECK(contains(asked.out, "Name:\tweb\nAddress: 10.90.3.2\n"));
  CHECK(contains(asked.out, "inet 10.90.3.2/24"));
  CHECK(contains(asked.out, "default via 10.90.3.1"));
  const json containers = home.inspected("back").at("Containers");
  REQUIRE(containers.size() == 1);
  CHECK(containers.front().at("Name") == "db");
  CHECK(containers.front().at("IPv4Address") == "10.90.3.77/24");
  CHECK(containers.front().at("MacAddress") == "02:42:0a:5a:03:4d");
  home.refused({"network", "rm", "back"}, "it has active endpoints: the containers db");
  kill(db.child(), SIGKILL);
  db.wait();
  CHECK(home.inspected("back").at("Containers").empty());
}

namespace {

// A container that waits; it ends with the test.
class Waiting {
 public:
  Waiting(const NetworkHome& home, const Words& options) : running_(command(home, options)) {
    running_.read_until("ready\n");
  }
  ~Waiting() { end(); }
  pid_t pid() { return running_.child(); }
  void end() {
    if (ended_) return;
    ended_ = true;
    kill(running_.child(), SIGKILL);
    running_.wait();
  }
  // As if the machine had killed it: nobody is left to clear away.
  void die() {
    ended_ = true;
    running_.signal(SIGKILL);
    running_.wait();
  }

 private:
  static Words command(const NetworkHome& home, const Words& options) {
    Words words = {"run", "--rm"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"busybox", "sh", "-c", "echo ready; exec sleep 1000"});
    return home.command(words);
  }
  Running running_;
  bool ended_ = false;
};

std::string asked(const NetworkHome& home, const Words& options, const std::string& script) {
  Words words = {"run", "--rm"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"busybox", "sh", "-c", script});
  const Result result = home.run(words);
  INFO(result.err);
  CHECK(result.err.empty());
  return result.out;
}

int processes_of(const std::string& name) {
  const Result found = test::run({"pgrep", "-c", "-x", name});
  return std::stoi(found.out);
}

}  // namespace

TEST_CASE("several containers under one alias are answered in turn, and one that has ended no more") {
  const NetworkHome home;
  home.good({"network", "create", "back"});
  Waiting one(home, {"--net", "back", "--net-alias", "pool"});
  {
    Waiting two(home, {"--net", "back", "--net-alias", "pool"});
    const std::string first =
        asked(home, {"--net", "back"}, "for i in 1 2 3 4; do nslookup pool | grep -A1 Name: | sed -n 2p; done");
    CHECK(contains(first, "10.78.0.2\n"));
    CHECK(contains(first, "10.78.0.3\n"));
  }
  const std::string alone = asked(home, {"--net", "back"}, "nslookup pool");
  CHECK(contains(alone, "10.78.0.2\n"));
  CHECK_FALSE(contains(alone, "10.78.0.3\n"));
}

TEST_CASE("containers of two networks reach each other neither by address nor by name") {
  const NetworkHome home;
  home.good({"network", "create", "one"});
  home.good({"network", "create", "two"});
  Waiting there(home, {"--net", "one", "--name", "there"});
  const std::string script =
      "for from in 10.78.0.1 10.78.1.1; do nslookup -timeout=1 there. $from 2>/dev/null | grep -c 10.78.0.2; done;"
      "ping -c 1 -W 1 10.78.0.2 >/dev/null && echo reached;"
      "ping -c 1 -W 1 10.78.1.1 >/dev/null && echo gateway; echo end";
  CHECK(asked(home, {"--net", "two"}, script) == "0\n0\ngateway\nend\n");
  CHECK(asked(home, {"--net", "one"}, "ping -c 1 -W 1 there >/dev/null && echo reached") == "reached\n");
  CHECK(asked(home, {"--net", "one", "--net", "two"},
              "ping -c 1 -W 1 there >/dev/null && echo reached; ls /sys/class/net | tr '\\n' ' '; ip route | wc -l") ==
        "reached\neth0 eth1 lo 3\n");
}

TEST_CASE("the name service ends with the last container, and is begun again when it was killed") {
  const NetworkHome home;
  const int others = processes_of("dnsmasq");
  home.good({"network", "create", "back"});
  CHECK(processes_of("dnsmasq") == others);
  Waiting one(home, {"--net", "back", "--name", "one"});
  CHECK(processes_of("dnsmasq") == others + 1);
  test::run({"pkill", "-KILL", "-P", std::to_string(getpid()), "-x", "dnsmasq"});
  CHECK(contains(asked(home, {"--net", "back"}, "nslookup one"), "10.78.0.2\n"));
  one.end();
  CHECK(eventually([&] {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    return processes_of("dnsmasq") == others;
  }));
}

TEST_CASE("what a killed container had in a network is taken back by the next command") {
  const NetworkHome home;
  home.good({"network", "create", "back"});
  Waiting one(home, {"--net", "back", "--name", "one", "--ip", "10.78.0.9", "-p", "8080:80"});
  CHECK(contains(test::run({"nft", "list", "ruleset"}).out, "10.78.0.9 . 80"));
  one.die();
  CHECK(asked(home, {"--net", "back", "--ip", "10.78.0.9", "-p", "8080:80"}, "nslookup one. >/dev/null || echo gone") ==
        "gone\n");
  home.good({"network", "rm", "back"});
}

TEST_CASE("rules that somebody has flushed are there again after the next command") {
  const NetworkHome home;
  home.good({"network", "create", "--internal", "back"});
  Waiting one(home, {"--net", "back"});
  Waiting two(home, {"-p", "8080:80"});
  const std::string before = test::run({"nft", "list", "ruleset"}).out;
  REQUIRE(test::run({"nft", "flush", "ruleset"}).status == 0);
  home.good({"network", "ls"});
  const std::string after = test::run({"nft", "list", "ruleset"}).out;
  CHECK(contains(after, "tcp . 8080 : 10.77.0.2 . 80"));
  CHECK(contains(after, "no_way_out"));
  CHECK(after.size() == before.size());
}

TEST_CASE("an internal network sends nothing out") {
  const NetworkHome home;
  home.good({"network", "create", "--internal", "back"});
  Waiting one(home, {"--net", "back", "--name", "one"});
  CHECK(asked(home, {"--net", "back"},
              "ip route | grep -c default; ip route add default via 10.78.0.1 2>/dev/null;"
              "ping -c 1 -W 1 one >/dev/null && echo neighbour; nslookup coracle.example. | grep -c REFUSED") ==
        "0\nneighbour\n2\n");
  // With a route of its own it gets no further: this host routes, and its rules drop.
  const pid_t pid = one.pid();
  REQUIRE(test::run({"nsenter", "-t", std::to_string(pid), "-n", "ip", "route", "add", "default", "via", "10.78.0.1"})
              .status == 0);
  const World world;
  CHECK(test::run({"nsenter", "-t", std::to_string(pid), "-n", "ping", "-c", "1", "-W", "1", "198.51.100.2"}).status !=
        0);
}

TEST_CASE("a container shares the network of another one") {
  const NetworkHome home;
  home.good({"network", "create", "back"});
  Waiting one(home, {"--net", "back", "--name", "one", "-h", "first"});
  CHECK(
      asked(
          home, {"--net", "container:one"},
          "ip -4 -o addr show eth0 | grep -o '10.78.0.2/24'; hostname; grep first /etc/hosts; nslookup one >/dev/null "
          "&& echo found") == "10.78.0.2/24\nfirst\n10.78.0.2\tfirst\nfound\n");
  home.refused({"run", "--net", "container:one", "-p", "80:80", "busybox", "true"}, "publish a port", 125);
  home.refused({"run", "--net", "container:one", "-h", "x", "busybox", "true"}, "do not go with it", 125);
  home.refused({"run", "--net", "container:nobody", "busybox", "true"}, "nobody", 125);
}

TEST_CASE("hosts and name servers are as the options say") {
  const NetworkHome home;
  const Words options = {"--add-host", "db:10.1.2.3",  "--add-host",  "up:host-gateway", "--dns",
                         "10.9.9.9",   "--dns-search", "example.org", "--dns-option",    "ndots:3"};
  const auto with = [&](Words more) {
    more.insert(more.end(), options.begin(), options.end());
    return asked(home, more, "cat /etc/hosts /etc/resolv.conf");
  };
  for (const char* network : {"bridge", "host"}) {
    const std::string text = with({"--net", network});
    INFO(network);
    CHECK(contains(text, "10.1.2.3\tdb\n"));
    CHECK(contains(text, network == std::string("host") ? "127.0.0.1\tup\n" : "10.77.0.1\tup\n"));
    CHECK(contains(text, "nameserver 10.9.9.9\nsearch example.org\noptions ndots:3\n"));
  }
  home.good({"network", "create", "back"});
  CHECK(contains(with({"--net", "back"}), "nameserver 10.78.0.1\nnameserver 10.9.9.9\n"));
  home.refused({"run", "--add-host", "a b:1.2.3.4", "busybox", "true"}, "it is NAME:ADDRESS", 125);
  home.refused({"run", "--add-host", "a:1.2.3.400", "busybox", "true"}, "it is NAME:ADDRESS", 125);
  home.refused({"run", "--dns", "one.one", "busybox", "true"}, "it is an IP address", 125);
  home.refused({"run", "--dns-search", "a\nnameserver 1.1.1.1", "busybox", "true"}, "no spaces", 125);
  home.refused({"run", "--net", "back", "--net-alias", "x\n1.1.1.1 bank", "busybox", "true"}, "read the alias", 125);
  home.refused({"run", "--net", "nowhere", "busybox", "true"}, "network nowhere not found", 125);
  home.refused({"run", "--ip", "10.77.0.9", "busybox", "true"}, "a network of your own", 125);
  home.refused({"run", "--net", "back", "--ip", "10.79.0.9", "busybox", "true"}, "between 10.78.0.1 and", 125);
  home.refused({"run", "--net", "none", "--net", "back", "busybox", "true"}, "go with no other network", 125);
}

TEST_CASE("ports are published in ranges, on any free port, and as the image exposes them") {
  const NetworkHome home;
  const auto rules = [] { return test::run({"nft", "list", "ruleset"}).out; };
  {
    const kernel::Fd taken = listen_on(SOCK_STREAM, 8000);
    Waiting one(home, {"-p", "8000-8001:80", "-p", "9000-9001:90-91/udp"});
    const std::string text = rules();
    CHECK(contains(text, "tcp . 8001 : 10.77.0.2 . 80"));
    CHECK(contains(text, "udp . 9000 : 10.77.0.2 . 90"));
    CHECK(contains(text, "udp . 9001 : 10.77.0.2 . 91"));
    const Result full = home.run({"run", "--rm", "-p", "8000-8001:80", "busybox", "true"});
    CHECK(full.status == 125);
    CHECK(contains(full.err, "port 8001 is in use on this host"));
  }
  Waiting two(home, {"-p", "80", "-P", "--expose", "53/udp", "--expose", "80"});
  const std::string text = rules();
  CHECK(contains(text, ". 80"));
  CHECK(contains(text, ". 53"));
  const kernel::Fd inside = in_network_of(two.pid(), [] { return listen_on(SOCK_STREAM, 80); });
  const std::size_t at = text.find("tcp . ");
  REQUIRE(at != std::string::npos);
  const int port = std::stoi(text.substr(at + 6));
  CHECK(port > 1024);
  CHECK(reach(inside, SOCK_STREAM, "127.0.0.1", static_cast<std::uint16_t>(port)) == "10.77.0.1");
}

TEST_CASE("a running container is connected to networks and disconnected from them") {
  const NetworkHome home;
  home.good({"network", "create", "back"});
  Waiting one(home, {"--name", "one"});
  Waiting two(home, {"--net", "back", "--name", "two"});
  home.good({"network", "connect", "--ip", "10.78.0.9", "--alias", "db", "back", "one"});
  home.refused({"network", "connect", "back", "one"}, "it is on that network already");
  CHECK(home.inspected("back").at("Containers").size() == 2);
  const auto inside = [&](const std::string& script) {
    return test::run({"nsenter", "-t", std::to_string(one.pid()), "-n", "sh", "-c", script}).out;
  };
  CHECK(contains(inside("ip -4 -o addr show eth1"), "10.78.0.9/24"));
  CHECK(contains(inside("ip route"), "default via 10.77.0.1 dev eth0"));
  CHECK(
      contains(asked(home, {"--net", "back"}, "nslookup db; nslookup one; ping -c 1 -W 1 one"), "1 packets received"));
  home.good({"network", "disconnect", "back", "one"});
  CHECK_FALSE(contains(inside("ip link"), "eth1"));
  CHECK(home.inspected("back").at("Containers").size() == 1);
  home.refused({"network", "disconnect", "back", "one"}, "it is not on that network");
  home.refused({"network", "connect", "back", "nobody"}, "nobody");
  home.refused({"network", "connect", "host", "one"}, "cannot be put on the network host");
  home.refused({"network", "connect", "--ip", "10.79.0.9", "back", "one"}, "10.78.0.254");
  home.good({"network", "connect", "back", "one"});
  CHECK(contains(inside("ip -4 -o addr show eth1"), "/24"));
}

TEST_CASE("a detached container keeps its networks over a stop and a start") {
  const NetworkHome home;
  home.good({"network", "create", "back"});
  home.good({"network", "create", "front"});
  home.good({"run", "-d", "--net", "back", "--ip", "10.78.0.7", "--net-alias", "db", "--name", "one", "-p", "80",
             "--stop-signal", "KILL", "busybox", "sleep", "1000"});
  home.good({"network", "connect", "front", "one"});
  home.good({"stop", "one"});
  CHECK(home.inspected("back").at("Containers").empty());
  home.good({"start", "one"});
  CHECK(home.inspected("back").at("Containers").front().at("IPv4Address") == "10.78.0.7/24");
  CHECK(home.inspected("front").at("Containers").front().at("Name") == "one");
  CHECK(contains(asked(home, {"--net", "back"}, "nslookup db; nslookup one"), "10.78.0.7"));
  home.good({"stop", "one"});
  home.good({"network", "disconnect", "front", "one"});
  home.refused({"network", "disconnect", "front", "one"}, "it is not on that network");
  home.good({"start", "one"});
  CHECK(home.inspected("front").at("Containers").empty());
  home.good({"rm", "-f", "one"});
}
