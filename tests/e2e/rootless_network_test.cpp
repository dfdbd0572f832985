// The network of an ordinary user's container, which pasta makes: ways in, ways out, and pasta's end.
#include <csignal>
#include <filesystem>

#include <sys/socket.h>

#include <fmt/format.h>

#include "e2e/recipe.hpp"
#include "support/network.hpp"
#include "support/ordinary_user.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

using Words = std::vector<std::string>;
namespace fs = std::filesystem;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

bool lacks_pasta() { return run({"sh", "-c", "command -v pasta && test -c /dev/net/tun"}).status != 0; }

// The processes of this session whose program is pasta, whatever namespaces it hides in.
int pastas() {
  int count = 0;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::error_code gone;
    const std::string program = fs::read_symlink(entry.path() / "exe", gone).filename();
    if (program.starts_with("passt") || program.starts_with("pasta")) ++count;
  }
  return count;
}

// A container that answers "hello" to everybody who comes to its port 80.
std::unique_ptr<Running> greeting(const OrdinaryUser& user, const Words& options) {
  Words words = {"run", "--rm"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"busybox", "sh", "-c", "echo ready; exec nc -ll -p 80 -e echo hello"});
  auto running = std::make_unique<Running>(user.coracle(words));
  running->read_until("ready\n");
  return running;
}

// An address of the host, as long as it lives.
class OwnAddress {
 public:
  explicit OwnAddress(const std::string& address) : address_(address) {
    REQUIRE(run({"ip", "addr", "add", address_, "dev", "lo"}).status == 0);
  }
  ~OwnAddress() { run({"ip", "addr", "del", address_, "dev", "lo"}); }
  OwnAddress(const OwnAddress&) = delete;
  OwnAddress& operator=(const OwnAddress&) = delete;

 private:
  std::string address_;
};

std::string ask(const std::string& address, int port) {
  return run({"bash", "-c", fmt::format("exec 3<>/dev/tcp/{}/{} && timeout 5 head -n 1 <&3", address, port)}).out;
}

}  // namespace

TEST_CASE("an ordinary user's container has eth0, a way out, and names") {
  if (lacks_pasta()) SKIP_WITHOUT("pasta (package passt) or /dev/net/tun");
  const OrdinaryUser user;
  user.import_busybox();
  const Result result = user.run({"run", "--rm", "--hostname", "boat", "busybox", "sh", "-c",
                                  "ip -o -4 addr show dev eth0; ip route; hostname; cat /etc/hosts; grep -c nameserver "
                                  "/etc/resolv.conf"});
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(has(result.out, "10.0.2.100/24"));
  CHECK(has(result.out, "default via 10.0.2.2 dev eth0"));
  CHECK(has(result.out, "\nboat\n"));
  CHECK(has(result.out, "10.0.2.100\tboat\n"));
  CHECK(user.left_behind().empty());
}

TEST_CASE("an ordinary user's published port is reached at its address alone") {
  if (lacks_pasta()) SKIP_WITHOUT("pasta (package passt) or /dev/net/tun");
  const int before = pastas();
  const OrdinaryUser user;
  user.import_busybox();
  const OwnAddress other("127.0.0.9/8");
  const auto running = greeting(user, {"-p", "127.0.0.1:8380:80", "-p", "8381:80"});
  CHECK(eventually([] { return ask("127.0.0.1", 8380) == "hello\n"; }));
  CHECK(ask("127.0.0.9", 8380).empty());
  CHECK(ask("127.0.0.9", 8381) == "hello\n");
  CHECK(pastas() == before + 1);
  kill(running->child(), SIGKILL);
  CHECK(running->wait().status == 128 + SIGKILL);
  CHECK(pastas() == before);
  CHECK(ask("127.0.0.1", 8380).empty());
  CHECK(user.left_behind().empty());
}

// pasta as Debian 12 has it loses the answer to what came over the host's loopback when the two ports differ.
TEST_CASE("an ordinary user's published UDP port brings answers back") {
  if (lacks_pasta()) SKIP_WITHOUT("pasta (package passt) or /dev/net/tun");
  const OrdinaryUser user;
  user.import_busybox();
  const OwnAddress outside("198.51.100.1/32");
  const auto running = greeting(user, {"-p", "8386:8386/udp", "-p", "8387:53/udp"});
  const auto inside = [&](std::uint16_t port) {
    return in_network_of(running->child(), [port] { return listen_on(SOCK_DGRAM, port); });
  };
  // A datagram may get lost on its way, as the first one does that pasta has to find the container's address for.
  const auto answers = [&](std::uint16_t port, const char* address, std::uint16_t published) {
    return eventually([&] { return reach(inside(port), SOCK_DGRAM, address, published) == address; });
  };
  CHECK(answers(8386, "127.0.0.1", 8386));
  CHECK(answers(53, "198.51.100.1", 8387));
  kill(running->child(), SIGKILL);
  running->wait();
}

TEST_CASE("an ordinary user's container does not reach the host's loopback") {
  if (lacks_pasta()) SKIP_WITHOUT("pasta (package passt) or /dev/net/tun");
  const OrdinaryUser user;
  user.import_busybox();
  Running host({"busybox", "nc", "-ll", "-p", "8383", "-e", "echo", "secret"});
  REQUIRE(eventually([] { return ask("127.0.0.1", 8383) == "secret\n"; }));
  const Result result = user.run({"run", "--rm", "busybox", "sh", "-c",
                                  "for host in 127.0.0.1 10.0.2.2 10.0.2.100; do nc -w 1 $host 8383 </dev/null; done; "
                                  "true"});
  CHECK(result.status == 0);
  CHECK_FALSE(has(result.out, "secret"));
  host.signal(SIGKILL);
}

TEST_CASE("pasta ends with the coracle that is killed") {
  if (lacks_pasta()) SKIP_WITHOUT("pasta (package passt) or /dev/net/tun");
  const int before = pastas();
  const OrdinaryUser user;
  user.import_busybox();
  const auto running = greeting(user, {"-p", "8384:80"});
  REQUIRE(pastas() == before + 1);
  running->signal(SIGKILL);
  running->wait();
  CHECK(eventually([&] { return pastas() == before; }));
  CHECK(eventually([] { return ask("127.0.0.1", 8384).empty(); }));
  CHECK(user.run({"run", "--rm", "--net", "none", "busybox", "true"}).status == 0);
  CHECK(user.left_behind().empty());
}

TEST_CASE("a port that is taken is named to an ordinary user") {
  if (lacks_pasta()) SKIP_WITHOUT("pasta (package passt) or /dev/net/tun");
  const OrdinaryUser user;
  user.import_busybox();
  const kernel::Fd taken = listen_on(SOCK_STREAM, 8385);
  const Result busy = user.run({"run", "--rm", "-p", "8385:80", "busybox", "true"});
  CHECK(busy.status == 125);
  CHECK(has(busy.err, "8385"));
  CHECK(user.left_behind().empty());
}

TEST_CASE("an ordinary user without pasta is told how to get it, and what needs none") {
  const OrdinaryUser user;
  user.import_busybox();
  Words words = user.coracle({"run", "--rm", "busybox", "true"});
  words.insert(std::find(words.begin(), words.end(), user.program(test::coracle())), "PATH=/nowhere");
  const Result result = test::run(words);
  INFO(result.err);
  CHECK(result.status == 125);
  CHECK(has(result.err, "apt-get install passt"));
  CHECK(has(result.err, "--net none"));
  CHECK(user.left_behind().empty());
}

TEST_CASE("an ordinary user runs redis, and redis-cli reaches its published port") {
  if (lacks_pasta()) SKIP_WITHOUT("pasta (package passt) or /dev/net/tun");
  if (run({"sh", "-c", "command -v redis-cli"}).status != 0) SKIP_WITHOUT("redis-cli (package redis-tools)");
  const OrdinaryUser user;
  Words words = import_words("redis");
  for (std::string& word : words) {
    if (word.ends_with(".tar.gz")) word = user.program(word);
  }
  const Result imported = test::run(user.coracle(words), {}, std::chrono::minutes(2));
  INFO(imported.err);
  REQUIRE(imported.status == 0);
  const auto redis = [](const Words& question) {
    Words all = {"redis-cli", "-p", "1236"};
    all.insert(all.end(), question.begin(), question.end());
    return run(all).out;
  };
  for (const std::string& expected : {std::string("\n"), std::string("coracle\n")}) {  // the volume outlives the first
    Running running(user.coracle({"run", "--rm", "-p", "1236:6379", "-v", "data:/var/lib/redis", "redis"}));
    REQUIRE(eventually([&] { return redis({"ping"}) == "PONG\n"; }));
    CHECK(redis({"get", "boat"}) == expected);
    CHECK(redis({"set", "boat", "coracle"}) == "OK\n");
    running.signal(SIGINT);
    CHECK(running.wait().status == 0);
  }
  CHECK(user.left_behind().empty());
}
