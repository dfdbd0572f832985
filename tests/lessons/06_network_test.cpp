// Lesson 6 from outside: links, addresses, rules, and real traffic between containers, the host and a world.
#include <csignal>
#include <filesystem>
#include <memory>
#include <set>

#include <sys/socket.h>

#include <fmt/format.h>

#include "support/network.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

namespace fs = std::filesystem;

const std::string program = lesson("06-network");

std::vector<std::string> command(const std::vector<std::string>& options, const std::vector<std::string>& inside) {
  std::vector<std::string> words = {program};
  words.insert(words.end(), options.begin(), options.end());
  words.push_back(busybox_rootfs());
  words.insert(words.end(), inside.begin(), inside.end());
  return words;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string output(const std::vector<std::string>& words) {
  const Result result = run(words);
  INFO(result.err);
  CHECK(result.status == 0);
  return result.out;
}

// A container that waits until the test has seen enough.
class Container {
 public:
  explicit Container(const std::vector<std::string>& options = {})
      : process_(command(options, {"sh", "-c", "hostname -i; echo up; exec cat"})) {
    const std::string said = process_.read_until("up");
    address_ = said.substr(0, said.find('\n'));
    inside_ = process_.child();
  }

  pid_t inside() const { return inside_; }  // the container's first process, as the host numbers it
  const std::string& address() const { return address_; }
  Running& launcher() { return process_; }

  void end() {
    process_.close_input();
    const Result result = process_.wait();
    INFO(result.err);
    CHECK(result.status == 0);
  }

 private:
  Running process_;
  std::string address_;
  pid_t inside_ = -1;
};

kernel::Fd listen_inside(const Container& container, int type, std::uint16_t port) {
  return in_network_of(container.inside(), [&] { return listen_on(type, port); });
}

std::string reach_from(pid_t pid, const kernel::Fd& listener, int type, const std::string& address,
                       std::uint16_t port) {
  return in_network_of(pid, [&] { return reach(listener, type, address, port); });
}

std::string rules() { return output({"nft", "list", "ruleset"}); }

std::string run_root() { return std::getenv("CORACLE_RUN"); }

}  // namespace

TEST_CASE("a container has a network namespace with lo, eth0, an address and a route, on the bridge") {
  Container container;
  CHECK(namespace_of(container.inside(), "net") != namespace_of(getpid(), "net"));
  in_network_of(container.inside(), [&] {
    const std::string links = output({"ip", "-o", "link"});
    CHECK(contains(links, "lo: <LOOPBACK,UP,LOWER_UP>"));
    CHECK(contains(links, "eth0@"));
    CHECK(contains(output({"ip", "-o", "-4", "addr", "show", "eth0"}), "inet 10.77.0.2/16"));
    CHECK(output({"ip", "route"}) ==
          "default via 10.77.0.1 dev eth0 \n10.77.0.0/16 dev eth0 proto kernel scope link src 10.77.0.2 \n");
  });
  CHECK(contains(output({"ip", "-o", "link", "show", "master", "coracle0"}), "cor"));
  CHECK(contains(output({"ip", "-o", "-4", "addr", "show", "coracle0"}), "inet 10.77.0.1/16"));
  container.end();
}

TEST_CASE("a container finds its name, its hosts and its name servers in files of its own") {
  Container container;
  const std::string etc = fmt::format("/proc/{}/root/etc/", container.inside());
  CHECK(contains(kernel::read_file(etc + "hosts"), "10.77.0.2\t"));
  CHECK(contains(kernel::read_file(etc + "resolv.conf"), "nameserver "));
  const std::string mounts = kernel::read_file(fmt::format("/proc/{}/mountinfo", container.inside()));
  for (const char* name : {" /etc/hosts ", " /etc/resolv.conf ", " /etc/hostname "}) CHECK(contains(mounts, name));
  container.end();
}

TEST_CASE("a container and the host reach each other, with their real addresses") {
  Container container;
  const auto host = listen_on(SOCK_STREAM, 7000);
  CHECK(reach_from(container.inside(), host, SOCK_STREAM, "10.77.0.1", 7000) == "10.77.0.2");
  CHECK(reach(listen_inside(container, SOCK_STREAM, 80), SOCK_STREAM, "10.77.0.2", 80) == "10.77.0.1");
  container.end();
}

TEST_CASE("two containers on a bridge reach each other, with their real addresses") {
  Container one, two;
  CHECK(two.address() == "10.77.0.3");
  const auto listener = listen_inside(two, SOCK_STREAM, 80);
  CHECK(reach_from(one.inside(), listener, SOCK_STREAM, "10.77.0.3", 80) == "10.77.0.2");
  one.end();
  two.end();
}

TEST_CASE("a container reaches the world under the host's address") {
  World world;
  Container container;
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    const auto listener = in_network_of(world.pid(), [&] { return listen_on(type, 80); });
    CHECK(reach_from(container.inside(), listener, type, "198.51.100.2", 80) == "198.51.100.1");
  }
  container.end();
}

TEST_CASE("a published port answers on every address of the host, and sees who calls") {
  World world;
  Container other;
  Container container({"-p", "8080:80", "-p", "8080:80/udp"});
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    INFO((type == SOCK_STREAM ? "tcp" : "udp"));
    const auto listener = listen_inside(container, type, 80);
    CHECK(reach_from(world.pid(), listener, type, "198.51.100.1", 8080) == "198.51.100.2");
    CHECK(reach(listener, type, "127.0.0.1", 8080) == "10.77.0.1");
    CHECK(reach(listener, type, "198.51.100.1", 8080) != "");
    CHECK(reach(listener, type, "10.77.0.1", 8080) == "10.77.0.1");
    // What comes from the bridge and returns to it is translated, or the answer would take a shorter way.
    CHECK(reach_from(other.inside(), listener, type, "10.77.0.1", 8080) == "10.77.0.1");
    CHECK(reach_from(other.inside(), listener, type, "198.51.100.1", 8080) == "10.77.0.1");
    CHECK(reach_from(container.inside(), listener, type, "198.51.100.1", 8080) == "10.77.0.1");  // hairpin
  }
  container.end();
  other.end();
}

TEST_CASE("a program in a container serves the host through a published port") {
  const std::string serve = "mkdir -p /www; echo from inside > /www/index.html; httpd -p 80 -h /www; echo up; exec cat";
  Running container(command({"-p", "127.0.0.1:8080:80"}, {"sh", "-c", serve}));
  container.read_until("up");
  CHECK(output({busybox_rootfs() + "/bin/busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/"}) ==
        "from inside\n");
  container.close_input();
  CHECK(container.wait().status == 0);
}

TEST_CASE("a port that is published on one address answers on that one") {
  World world;
  Container container({"-p", "198.51.100.1:8080:80"});
  const auto listener = listen_inside(container, SOCK_STREAM, 80);
  CHECK(reach_from(world.pid(), listener, SOCK_STREAM, "198.51.100.1", 8080) == "198.51.100.2");
  CHECK(reach(listener, SOCK_STREAM, "127.0.0.1", 8080) == "");
  CHECK(reach(listener, SOCK_STREAM, "10.77.0.1", 8080) == "");
  container.end();
}

TEST_CASE("what is not published is closed to the world, even to one who knows the way") {
  World world;
  Container container({"-p", "8080:80"});
  in_network_of(world.pid(), [] { output({"ip", "route", "add", "10.77.0.0/16", "via", "198.51.100.1"}); });
  const auto closed = listen_inside(container, SOCK_STREAM, 81);
  CHECK(reach_from(world.pid(), closed, SOCK_STREAM, "10.77.0.2", 81) == "");
  CHECK(reach(closed, SOCK_STREAM, "10.77.0.2", 81) == "10.77.0.1");  // the host itself may
  output({"nft", "flush", "chain", "ip", "coracle0", "closed_doors"});
  CHECK(reach_from(world.pid(), closed, SOCK_STREAM, "10.77.0.2", 81) == "198.51.100.2");  // that rule it was
  container.end();
}

TEST_CASE("a container does not get at the services on the host's own 127.0.0.1") {
  Container container;
  const auto secret = listen_on(SOCK_DGRAM, 7001, "127.0.0.1");
  in_network_of(container.inside(), [&] {
    // A container that is root does all it can to send packets to 127.0.0.1 out of its eth0.
    kernel::write_file("/proc/sys/net/ipv4/conf/eth0/route_localnet", "1");
    output({"ip", "route", "del", "table", "local", "local", "127.0.0.0/8", "dev", "lo"});
    output({"ip", "route", "del", "table", "local", "local", "127.0.0.1", "dev", "lo"});
    output({"ip", "route", "add", "127.0.0.0/8", "via", "10.77.0.1", "src", "10.77.0.2"});
    CHECK_FALSE(arrives(secret, "127.0.0.1", 7001));
  });
  output({"nft", "flush", "chain", "ip", "coracle0", "host_loopback"});
  CHECK(in_network_of(container.inside(), [&] { return arrives(secret, "127.0.0.1", 7001); }));  // those rules it was
  container.end();
}

TEST_CASE("an address can be chosen, once") {
  Container container({"--ip", "10.77.9.9"});
  CHECK(container.address() == "10.77.9.9");
  const Result second = run(command({"--ip", "10.77.9.9"}, {"true"}));
  CHECK(second.status == 125);
  CHECK(contains(second.err, "10.77.9.9"));
  CHECK(contains(second.err, "EADDRINUSE"));
  container.end();
}

TEST_CASE("a port that a program of the host holds cannot be published") {
  const auto holder = listen_on(SOCK_STREAM, 8080, "127.0.0.1");
  const Result result = run(command({"-p", "8080:80"}, {"true"}));
  CHECK(result.status == 125);
  CHECK(contains(result.err, "publish 8080:80/tcp"));
  CHECK(contains(result.err, "port 8080 is in use"));
}

TEST_CASE("a published port is held against programs of the host and against other containers") {
  Container container({"-p", "8080:80"});
  const std::string before = rules();
  CHECK(contains(before, "tcp . 8080 : 10.77.0.2 . 80"));
  for (const char* port : {"8080:81", "127.0.0.1:8080:80"}) {
    const Result second = run(command({"-p", "9090:90", "-p", port}, {"true"}));
    CHECK(second.status == 125);
    CHECK(contains(second.err, "port 8080 is in use"));
  }
  CHECK(rules() == before);  // the loser took nothing along
  CHECK(run(command({"-p", "8080:80/udp"}, {"true"})).status == 0);
  CHECK(run({busybox_rootfs() + "/bin/busybox", "nc", "-l", "-p", "8080"}, "", std::chrono::seconds(10)).status == 1);
  container.end();
}

TEST_CASE("a port can be published again at once after a busy server") {
  for (int round = 0; round < 2; ++round) {
    Container container({"-p", "8080:80"});
    CHECK(reach(listen_inside(container, SOCK_STREAM, 80), SOCK_STREAM, "127.0.0.1", 8080) != "");
    container.end();
  }
}

TEST_CASE("a host address that the host does not have is refused") {
  const Result result = run(command({"-p", "203.0.113.5:8080:80"}, {"true"}));
  CHECK(result.status == 125);
  CHECK(contains(result.err, "203.0.113.5 is not an address of this host"));
}

TEST_CASE("20 containers at once get 20 addresses and reach each other") {
  std::vector<std::unique_ptr<Running>> starts;
  for (int number = 0; number < 20; ++number) {
    starts.push_back(std::make_unique<Running>(command({}, {"sh", "-c", "hostname -i; echo up; exec cat"})));
  }
  std::set<std::string> addresses;
  for (const auto& start : starts) {
    const std::string said = start->read_until("up");
    addresses.insert(said.substr(0, said.find('\n')));
  }
  CHECK(addresses.size() == 20);
  CHECK(*addresses.begin() == "10.77.0.10");  // of .2 to .21, the first as texts are sorted
  const pid_t first = starts.front()->child();
  const auto listener = in_network_of(first, [] { return listen_on(SOCK_STREAM, 80); });
  const std::string address = kernel::read_file(fmt::format("/proc/{}/root/etc/hosts", first));
  const std::size_t at = address.find("10.77.0.");
  CHECK(reach_from(starts.back()->child(), listener, SOCK_STREAM, address.substr(at, address.find('\t', at) - at),
                   80) != "");
  for (const auto& start : starts) start->close_input();
  for (const auto& start : starts) CHECK(start->wait().status == 0);
}

TEST_CASE("what a killed launcher leaves is gone after the next start") {
  {
    Container container({"-p", "8080:80"});
    container.launcher().signal(SIGKILL);
    container.launcher().wait();
  }
  CHECK(contains(rules(), "tcp . 8080"));
  const Result next = run(command({"-p", "8080:80"}, {"hostname", "-i"}));
  CHECK(next.status == 0);
  CHECK(next.out == "10.77.0.2\n");
  CHECK(rules().empty());
  CHECK_FALSE(fs::exists(run_root() + "/networks"));
}

TEST_CASE("the next start mends a firewall that was emptied, for those who run too") {
  Container container({"-p", "8080:80"});
  const auto listener = listen_inside(container, SOCK_STREAM, 80);
  output({"nft", "flush", "ruleset"});
  CHECK(reach(listener, SOCK_STREAM, "127.0.0.1", 8080) == "");
  CHECK(run(command({"-p", "9090:90"}, {"true"})).status == 0);
  CHECK(reach(listener, SOCK_STREAM, "127.0.0.1", 8080) == "10.77.0.1");
  CHECK_FALSE(contains(rules(), "9090"));
  container.end();
}

TEST_CASE("two networks are apart") {
  Container one;
  Container two({"--bridge", "other0", "--subnet", "10.78.0.0/24"});
  CHECK(two.address() == "10.78.0.2");
  const auto listener = listen_inside(two, SOCK_STREAM, 80);
  CHECK(reach_from(one.inside(), listener, SOCK_STREAM, "10.78.0.2", 80) == "");
  one.end();
  two.end();
}

TEST_CASE("a start that fails after the network was made leaves nothing of it") {
  const Result result = run(command({"-p", "8080:80"}, {"no-such-program"}));
  CHECK(result.status == 127);
  CHECK(rules().empty());
  CHECK_FALSE(fs::exists(run_root() + "/networks"));
}
