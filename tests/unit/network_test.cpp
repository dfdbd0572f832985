// The part network by itself: what it reads, what it leases and writes, what it takes back.
#include "parts/network.hpp"

#include <filesystem>
#include <set>

#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "kernel/error.hpp"
#include "kernel/mount.hpp"
#include "parts/network/bridge.hpp"
#include "parts/network/ports.hpp"
#include "support/network.hpp"

using namespace coracle;
using namespace coracle::test;
using parts::Context;
using parts::make_network;
using parts::parse_port;

namespace {

namespace fs = std::filesystem;

// A run root with run directories in it, for parts that nobody launches.
struct RunRoot {
  TemporaryDirectory directory;

  Context context(const std::string& id) const {
    Context result;
    result.id = id;
    result.run_dir = directory.path() + "/" + id;
    kernel::make_directories(result.run_dir);
    return result;
  }

  std::set<std::string> leases(const std::string& bridge = "coracle0") const {
    std::set<std::string> names;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(directory.path() + "/networks/" + bridge, none)) {
      if (entry.path().filename() != "subnet" && entry.path().filename() != "rules")
        names.insert(entry.path().filename());
    }
    return names;
  }

  bool networks() const { return fs::exists(directory.path() + "/networks"); }
};

bool has_table(const std::string& name) { return run({"nft", "list", "table", "ip", name}).status == 0; }

// By netlink: the /sys that is mounted shows the links of another namespace.
bool link_exists(const std::string& name) { return kernel::NetlinkSocket(NETLINK_ROUTE).link_index(name) != 0; }

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const kernel::Error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// `content` stands at `path` for this test.
class Over {
 public:
  Over(const std::string& path, const std::string& content) : path_(path) {
    kernel::create_file(directory_.path() + "/file", content);
    kernel::mount(directory_.path() + "/file", path, "", MS_BIND);
  }
  ~Over() { kernel::umount(path_, MNT_DETACH); }

 private:
  TemporaryDirectory directory_;
  std::string path_;
};

}  // namespace

TEST_CASE("a published port is read as docker reads it") {
  const auto port = parse_port("8080:80");
  CHECK(port.host_address.empty());
  CHECK(port.host_port == 8080);
  CHECK(port.container_port == 80);
  CHECK(port.protocol == "tcp");
  const auto full = parse_port("127.0.0.1:5353:53/udp");
  CHECK(full.host_address == "127.0.0.1");
  CHECK(full.host_port == 5353);
  CHECK(full.container_port == 53);
  CHECK(full.protocol == "udp");
  CHECK(parse_port("0.0.0.0:1:65535/tcp").host_address.empty());
}

TEST_CASE("ranges of ports are published pairwise, and one port on any that is free, or free in a range") {
  const auto text = [](const char* words) {
    std::string all;
    for (const parts::PublishedPort& port : parts::parse_ports(words)) {
      all += fmt::format("{}-{}>{}/{} ", port.host_port, port.last_host_port, port.container_port, port.protocol);
    }
    return all;
  };
  CHECK(text("8000-8002:80-82/udp") == "8000-0>80/udp 8001-0>81/udp 8002-0>82/udp ");
  CHECK(text("8000-8002:80") == "8000-8002>80/tcp ");
  CHECK(text("80") == "0-0>80/tcp ");
  CHECK(text("127.0.0.1::80-81") == "0-0>80/tcp 0-0>81/tcp ");
  for (const char* bad : {"8000-8002:80-81", "8002-8000:80-82", "80-:80", "8000:80-81", "1-70000", "80-81:80-"}) {
    INFO(bad);
    CHECK(contains(error_of([&] { parts::parse_ports(bad); }), "FIRST-LAST"));
  }
}

TEST_CASE("a published port that cannot be read is refused with what is allowed") {
  for (const char* bad : {"", ":", "8080:", ":80", "0:80", "80:0", "80:65536", "-1:80", "a:80", "80:80/sctp", "80:80/",
                          "localhost:80:80", "1.2.3:80:80", "1:2:3:4", "::1:80:80", "80 :80", "+80:80", "080x:1"}) {
    const std::string error = error_of([&] { parse_port(bad); });
    INFO(bad);
    CHECK(contains(error, std::string("\"") + bad + "\""));
    CHECK(contains(error, "CONTAINER_PORT"));
  }
}

TEST_CASE("a subnet is read with its prefix, and refused when it is none") {
  const parts::Subnet subnet = parts::parse_subnet("10.77.0.0/16");
  CHECK(kernel::ipv4_text(subnet.gateway()) == "10.77.0.1");
  CHECK(kernel::ipv4_text(subnet.broadcast()) == "10.77.255.255");
  for (const char* bad :
       {"", "10.77.0.0", "10.77.0.0/", "10.77.0.0/7", "10.77.0.0/31", "10.77.0.1/16", "10.77.0.0/16x"}) {
    INFO(bad);
    CHECK(contains(error_of([&] { parts::parse_subnet(bad); }), "such as 10.77.0.0/16"));
  }
}

TEST_CASE("options that make no network are refused before anything is made") {
  CHECK(contains(error_of([] { make_network({.bridge = "a/b"}); }), "bridge name \"a/b\""));
  for (const char* bad : {"10.77.0.0", "10.77.0.1", "10.77.255.255", "10.78.0.2", "ten"}) {
    INFO(bad);
    CHECK(contains(error_of([&] { make_network({.address = bad}); }), "between 10.77.0.2 and 10.77.255.254"));
  }
}

TEST_CASE("the first start makes the network, the last release takes it away") {
  const RunRoot root;
  Context one = root.context("000000000001");
  Context two = root.context("000000000002");
  const auto first = make_network({});
  const auto second = make_network({});
  first->prepare(one);
  CHECK((one.clone_flags & CLONE_NEWNET) != 0);
  CHECK(link_exists("coracle0"));
  CHECK(has_table("coracle0"));
  CHECK(kernel::read_file("/proc/sys/net/ipv4/ip_forward") == "1\n");
  CHECK(kernel::read_file("/proc/sys/net/ipv4/conf/coracle0/route_localnet") == "1\n");
  second->prepare(two);
  CHECK(root.leases() == std::set<std::string>{"10.77.0.2", "10.77.0.3"});
  CHECK(parts::container_address(two.run_dir) == "10.77.0.3");

  CHECK(first->release(one).empty());
  CHECK(root.leases() == std::set<std::string>{"10.77.0.3"});
  CHECK(link_exists("coracle0"));
  CHECK(second->release(two).empty());
  CHECK_FALSE(link_exists("coracle0"));
  CHECK_FALSE(has_table("coracle0"));
  CHECK_FALSE(root.networks());
  CHECK(kernel::read_file("/proc/sys/net/ipv4/ip_forward") == "0\n");
  CHECK(second->release(two).empty());  // there is nothing left to undo
}

TEST_CASE("a release in another process needs no more than the id and the run directory") {
  const RunRoot root;
  Context made = root.context("000000000001");
  make_network({.bridge = "other0", .subnet = "10.78.0.0/24"})->prepare(made);
  CHECK(link_exists("other0"));
  Context known;
  known.id = made.id;
  known.run_dir = made.run_dir;
  CHECK(make_network({})->release(known).empty());
  CHECK_FALSE(link_exists("other0"));
  CHECK_FALSE(root.networks());
}

TEST_CASE("a start that was killed after it took an address and before it noted it is released") {
  const RunRoot root;
  Context one = root.context("000000000001");
  make_network({})->prepare(one);
  kernel::remove_tree(one.run_dir + "/address");
  CHECK(make_network({})->release(one).empty());
  CHECK_FALSE(root.networks());
}

TEST_CASE("a release of what was never made does nothing") {
  const RunRoot root;
  Context context = root.context("000000000001");
  CHECK(make_network({})->release(context).empty());
  CHECK_FALSE(root.networks());
}

TEST_CASE("a bridge that is kept stays with its rules, until a network that is not kept ends on it") {
  const RunRoot root;
  Context one = root.context("000000000001");
  make_network({.keep_bridge = true})->prepare(one);
  CHECK(make_network({})->release(one).empty());
  CHECK(link_exists("coracle0"));
  CHECK(has_table("coracle0"));
  CHECK(root.leases().empty());
  Context two = root.context("000000000002");
  make_network({})->prepare(two);
  CHECK(parts::container_address(two.run_dir) == "10.77.0.2");
  CHECK(make_network({})->release(two).empty());
  CHECK_FALSE(link_exists("coracle0"));
  CHECK_FALSE(root.networks());
}

TEST_CASE("rules that somebody flushed are loaded again by the next start") {
  const RunRoot root;
  Context one = root.context("000000000001");
  Context two = root.context("000000000002");
  make_network({})->prepare(one);
  CHECK(run({"nft", "flush", "ruleset"}).status == 0);
  CHECK_FALSE(has_table("coracle0"));
  make_network({})->prepare(two);
  CHECK(has_table("coracle0"));
  make_network({})->release(one);
  make_network({})->release(two);
}

TEST_CASE("a network has one subnet") {
  const RunRoot root;
  Context one = root.context("000000000001");
  Context two = root.context("000000000002");
  make_network({})->prepare(one);
  const std::string error = error_of([&] { make_network({.subnet = "10.78.0.0/16"})->prepare(two); });
  CHECK(contains(error, "it has the subnet 10.77.0.0/16"));
  make_network({})->release(two);
  CHECK(root.leases().size() == 1);
  make_network({})->release(one);
}

TEST_CASE("forwarding is put back when the last of several networks is gone") {
  const RunRoot root;
  Context one = root.context("000000000001");
  Context two = root.context("000000000002");
  make_network({})->prepare(one);
  make_network({.bridge = "other0", .subnet = "10.78.0.0/24"})->prepare(two);
  make_network({})->release(one);
  CHECK(kernel::read_file("/proc/sys/net/ipv4/ip_forward") == "1\n");
  make_network({})->release(two);
  CHECK(kernel::read_file("/proc/sys/net/ipv4/ip_forward") == "0\n");
}

TEST_CASE("a host that was a router before stays one") {
  const RunRoot root;
  kernel::write_file("/proc/sys/net/ipv4/ip_forward", "1");
  Context one = root.context("000000000001");
  make_network({})->prepare(one);
  make_network({})->release(one);
  CHECK(kernel::read_file("/proc/sys/net/ipv4/ip_forward") == "1\n");
  kernel::write_file("/proc/sys/net/ipv4/ip_forward", "0");
}

TEST_CASE("an address is given once, and can be chosen") {
  const RunRoot root;
  Context one = root.context("000000000001");
  Context two = root.context("000000000002");
  make_network({.address = "10.77.1.2"})->prepare(one);
  CHECK(parts::container_address(one.run_dir) == "10.77.1.2");
  const std::string error = error_of([&] { make_network({.address = "10.77.1.2"})->prepare(two); });
  CHECK(contains(error, "10.77.1.2"));
  CHECK(contains(error, "EADDRINUSE"));
  make_network({})->release(two);
  CHECK(root.leases() == std::set<std::string>{"10.77.1.2"});  // the loser's release takes nothing from the winner
  make_network({})->release(one);
}

TEST_CASE("a subnet with no address left says so") {
  const RunRoot root;
  const parts::NetworkOptions tiny{.subnet = "10.77.0.0/30"};
  Context one = root.context("000000000001");
  Context two = root.context("000000000002");
  make_network(tiny)->prepare(one);
  CHECK(parts::container_address(one.run_dir) == "10.77.0.2");
  CHECK(contains(error_of([&] { make_network(tiny)->prepare(two); }), "all addresses"));
  make_network({})->release(two);
  make_network({})->release(one);
}

TEST_CASE("200 starts at once get 200 addresses, and their ends leave nothing") {
  const RunRoot root;
  constexpr int kStarts = 200;
  const auto id = [](int number) { return fmt::format("{:012x}", number); };
  const auto at_once = [&](auto action) {
    std::vector<pid_t> pids;
    for (int number = 0; number < kStarts; ++number) {
      const pid_t pid = fork();
      if (pid == 0) _exit(error_of([&] { action(number); }).empty() ? 0 : 1);
      pids.push_back(pid);
    }
    int failed = 0;
    for (const pid_t pid : pids) {
      int status = 0;
      waitpid(pid, &status, 0);
      failed += status != 0 ? 1 : 0;
    }
    return failed;
  };
  CHECK(at_once([&](int number) {
          Context context = root.context(id(number));
          make_network({})->prepare(context);
        }) == 0);
  CHECK(root.leases().size() == kStarts);
  std::set<std::string> addresses;
  for (int number = 0; number < kStarts; ++number) {
    addresses.insert(parts::container_address(root.context(id(number)).run_dir));
  }
  CHECK(addresses == root.leases());
  CHECK(at_once([&](int number) {
          Context context = root.context(id(number));
          if (!make_network({})->release(context).empty()) _exit(1);
        }) == 0);
  CHECK_FALSE(root.networks());
  CHECK_FALSE(link_exists("coracle0"));
}

TEST_CASE("a link of the bridge's name that is not ours is left alone") {
  const RunRoot root;
  REQUIRE(run({"ip", "link", "add", "coracle0", "type", "bridge"}).status == 0);
  Context one = root.context("000000000001");
  CHECK(contains(error_of([&] { make_network({})->prepare(one); }), "ip link delete coracle0"));
  CHECK(make_network({})->release(one).empty());
  CHECK(link_exists("coracle0"));
  CHECK_FALSE(root.networks());
  run({"ip", "link", "delete", "coracle0"});
}

TEST_CASE("a subnet that the host has elsewhere is refused by the name of the link") {
  const RunRoot root;
  REQUIRE(
      run({"sh", "-c", "ip link add other0 type bridge; ip addr add 10.77.3.254/24 dev other0; ip link set other0 up"})
          .status == 0);
  Context one = root.context("000000000001");
  make_network({.subnet = "10.78.0.0/16"})->prepare(one);  // another one is free
  make_network({})->release(one);
  const std::string error = error_of([&] { make_network({.subnet = "10.77.3.0/24"})->prepare(one); });
  CHECK(contains(error, "10.77.3.0/24 on other0"));
  make_network({})->release(one);
  CHECK_FALSE(link_exists("coracle0"));
  run({"ip", "link", "delete", "other0"});
}

TEST_CASE("the container's name files say its address, its name and the host's name servers") {
  const RunRoot root;
  const Over resolv("/etc/resolv.conf",
                    "search example.org\nnameserver 127.0.0.53\nnameserver 192.0.2.53\noptions edns0\n");
  Context one = root.context("000000000001");
  make_network({.names = {.hostname = "web"}})->prepare(one);
  REQUIRE(one.files.size() == 3);
  const auto content = [&](const std::string& destination) {
    for (const auto& file : one.files) {
      if (file.destination == destination) return kernel::read_file(file.source);
    }
    return std::string("none");
  };
  CHECK(content("/etc/hostname") == "web\n");
  CHECK(contains(content("/etc/hosts"), "127.0.0.1\tlocalhost\n"));
  CHECK(contains(content("/etc/hosts"), "10.77.0.2\tweb\n"));
  CHECK(content("/etc/resolv.conf") == "search example.org\nnameserver 192.0.2.53\noptions edns0\n");
  make_network({})->release(one);
}

TEST_CASE("where all name servers of the host are its own, the container gets others") {
  const RunRoot root;
  const Over resolv("/etc/resolv.conf", "nameserver 127.0.0.1\nnameserver ::1\n");
  Context one = root.context("000000000001");
  make_network({})->prepare(one);
  const std::string text = kernel::read_file(one.run_dir + "/resolv.conf");
  const std::string behind = "/run/systemd/resolve/resolv.conf";
  if (!fs::exists(behind)) CHECK(text == "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
  CHECK(contains(text, "nameserver"));
  CHECK_FALSE(contains(text, "nameserver 127."));
  make_network({})->release(one);
}
