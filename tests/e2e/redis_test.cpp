// The image redis as somebody uses it: a published port, a volume, a limit, Ctrl-C.
#include <csignal>

#include <filesystem>

#include "e2e/home.hpp"
#include "e2e/recipe.hpp"
#include "kernel/fd.hpp"
#include "launch/launch.hpp"
#include "parts/network/bridge.hpp"
#include "support/session.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

std::string redis(const Words& question) {
  Words words = {"redis-cli", "-p", "1234"};
  words.insert(words.end(), question.begin(), question.end());
  return run(words).out;
}

std::unique_ptr<Running> start(const Home& home) {
  auto running = std::make_unique<Running>(
      home.command({"run", "--rm", "-p", "1234:6379", "-v", "data:/var/lib/redis", "--memory", "256m", "redis"}));
  REQUIRE(eventually([] { return redis({"ping"}) == "PONG\n"; }));
  return running;
}

}  // namespace

TEST_CASE("redis answers on its published port, stops with Ctrl-C, and its data is in the next container") {
  if (run({"sh", "-c", "command -v redis-cli"}).status != 0) SKIP_WITHOUT("redis-cli (package redis-tools)");
  const Home home;
  const Result imported = test::run(home.command(import_words("redis")), {}, std::chrono::minutes(2));
  INFO(imported.err);
  REQUIRE(imported.status == 0);
  {
    const auto running = start(home);
    CHECK(redis({"set", "boat", "coracle"}) == "OK\n");
    CHECK(redis({"get", "boat"}) == "coracle\n");
    CHECK(redis({"config", "get", "maxmemory"}) == "maxmemory\n0\n");
    running->signal(SIGINT);
    CHECK(running->wait().status == 0);
  }
  CHECK(redis({"ping"}) != "PONG\n");
  const auto running = start(home);
  CHECK(redis({"get", "boat"}) == "coracle\n");
  running->signal(SIGINT);
  CHECK(running->wait().status == 0);
  parts::give_back_address(launch::default_run_root(), "coracle0", "", false);  // the network stays, as docker0 does
}
