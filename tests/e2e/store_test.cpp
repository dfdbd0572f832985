// The store of images is whole after commands were killed, ran out of disk, or ran at the same time.
#include <csignal>
#include <memory>
#include <random>

#include <fmt/format.h>

#include "e2e/home.hpp"
#include "support/archive.hpp"
#include "support/store_check.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

using Clock = std::chrono::steady_clock;

// An archive with two images that share a layer, for stores to take in.
class Archive {
 public:
  Archive() {
    const Home maker;
    for (int i = 0; i < 2; ++i) {
      Tar top;
      for (int file = 0; file < 100; ++file) top.file(fmt::format("f{}", file), std::string(20'000, char('a' + i)));
      const std::string path = fmt::format("{}/top{}.tar", directory_.path(), i);
      write_file(path, top.bytes());
      REQUIRE(maker.run({"import", busybox_layer(), path, fmt::format("box:{}", i)}).status == 0);
    }
    REQUIRE(maker.run({"save", "-o", path(), "box"}).status == 0);
  }
  std::string path() const { return directory_.path() + "/archive.tar"; }

 private:
  TemporaryDirectory directory_;
};

// The next command sweeps; then the store must be whole.
void check_whole(const Home& home) {
  const Result swept = home.run({"images", "-q"});
  INFO(swept.err);
  CHECK(swept.status == 0);
  for (const std::string& wrong : check_store(home.path())) FAIL_CHECK(wrong);
}

std::chrono::microseconds time_of(const std::function<void()>& act) {
  const auto begin = Clock::now();
  act();
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
}

// Waits on the clock alone: the moment of the kill is what is tried.
void kill_at(Running& command, std::chrono::microseconds moment) {
  const auto end = Clock::now() + moment;
  while (Clock::now() < end) {
  }
  command.signal(SIGKILL);
  command.wait();
}

}  // namespace

TEST_CASE("a store is whole after its commands were killed at any moment") {
  const Archive archive;
  const Home home;
  const std::vector<Words> commands = {{"load", "-i", archive.path()},
                                       {"import", busybox_layer(), "imported"},
                                       {"rmi", "-f", "box:0", "box:1", "imported"},
                                       {"image", "prune", "-af"}};
  const auto prepare = [&](std::size_t index) {
    home.run({"image", "prune", "-af"});
    if (index < 2) return;
    REQUIRE(home.run({"load", "-i", archive.path()}).status == 0);
    REQUIRE(home.run({"import", busybox_layer(), "imported"}).status == 0);
  };
  std::mt19937 random(20260102);  // the same moments each time, as far as the machine is the same
  for (std::size_t index = 0; index < commands.size(); ++index) {
    prepare(index);
    const auto whole = time_of([&] { home.run(commands[index]); });
    for (int round = 0; round < 12; ++round) {
      prepare(index);
      const std::chrono::microseconds moment(random() % static_cast<unsigned>(whole.count()));
      INFO(commands[index][0] << " killed after " << moment.count() << " of " << whole.count() << " microseconds");
      Running command(home.command(commands[index]));
      kill_at(command, moment);
      check_whole(home);
    }
  }
  // And what was killed is done by the next one.
  CHECK(home.run({"load", "-i", archive.path()}).status == 0);
  CHECK(home.run({"run", "--net", "none", "box:1", "head", "-c", "3", "/f7"}).out == "bbb");
}

TEST_CASE("a disk that is full while images are loaded leaves a whole store, and the message says so") {
  const Archive archive;
  const TemporaryDirectory disk;
  const std::string coracle = "'" + test::coracle() + "' --root '" + disk.path() + "/root' ";
  const int kilobytes = GENERATE(100, 1500, 3500, 6000);
  const Result result = run({"unshare", "-m", "sh", "-c",
                             fmt::format("mount -t tmpfs -o size={0}k,mode=700 tmpfs '{1}' && mkdir -m 700 '{1}/root'\n"
                                         "{2} load -i '{3}'; echo status $?\n"
                                         "mount -o remount,size=1g '{1}'; {2} images -q >/dev/null; cp -a '{1}/root' "
                                         "'{4}'",
                                         kilobytes, disk.path(), coracle, archive.path(), archive.path() + ".root")});
  INFO(result.err);
  CHECK(result.out.find("status 125\n") != std::string::npos);
  // By the kernel, or by SQLite when it was its turn to write.
  const bool said =
      result.err.find("ENOSPC") != std::string::npos || result.err.find("disk is full") != std::string::npos;
  CHECK((said || kilobytes == 100));
  for (const std::string& wrong : check_store(archive.path() + ".root")) FAIL_CHECK(wrong);
}

TEST_CASE("many loads, removals and saves at the same time end with a whole store") {
  const Archive archive;
  const Home home;
  std::vector<std::unique_ptr<Running>> commands;
  for (int i = 0; i < 6; ++i) {
    commands.push_back(std::make_unique<Running>(home.command({"load", "-i", archive.path()})));
    commands.push_back(std::make_unique<Running>(home.command({"rmi", "-f", "box:0", "box:1"})));
    commands.push_back(std::make_unique<Running>(home.command({"image", "prune", "-af"})));
    commands.push_back(std::make_unique<Running>(home.command({"save", "-o", "/dev/null", "box:0"})));
  }
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const Result result = commands[i]->wait();
    INFO(result.err);
    if (i % 4 == 0) CHECK(result.status == 0);
    if (i % 4 == 2) CHECK(result.status == 0);
    if (result.status != 0) CHECK(result.err.find("there is no such image here") != std::string::npos);
  }
  check_whole(home);
  CHECK(home.run({"load", "-i", archive.path()}).status == 0);
  check_whole(home);
  CHECK(home.run({"run", "--net", "none", "box:0", "head", "-c", "3", "/f7"}).out == "aaa");
}

TEST_CASE("containers that start while their image is removed run or are told, and never run in half an image") {
  const Archive archive;
  const Home home;
  int ran = 0;
  for (int round = 0; round < 6; ++round) {
    REQUIRE(home.run({"load", "-i", archive.path()}).status == 0);
    std::vector<std::unique_ptr<Running>> starts;
    std::vector<std::unique_ptr<Running>> removals;
    for (int i = 0; i < 4; ++i) {
      starts.push_back(std::make_unique<Running>(
          home.command({"run", "--pull", "never", "--net", "none", "box:0", "sh", "-c", "cat /f* | wc -c"})));
      removals.push_back(std::make_unique<Running>(home.command({"rmi", "-f", "box:0", "box:1"})));
    }
    for (const auto& start : starts) {
      const Result result = start->wait();
      INFO(result.out << result.err);
      if (result.status == 0) {
        CHECK(result.out == "2000000\n");
        ++ran;
      } else {
        const bool told = result.err.find("there is no such image") != std::string::npos ||
                          result.err.find("removed") != std::string::npos;
        CHECK(told);
      }
    }
    for (const auto& removal : removals) removal->wait();
    home.run({"image", "prune", "-af"});
    check_whole(home);
  }
  INFO(ran << " ran");
}

TEST_CASE("what was gathered of an image that nobody brings any more goes with prune") {
  const BusyboxHome home;
  const std::string gathered = home.path() + "/partial/" + std::string(64, 'a');
  write_file(gathered, std::string(3000, 'x'));
  CHECK(home.run({"image", "prune", "-f"}).out == "Total reclaimed space: 3kB\n");
  CHECK_FALSE(kernel::exists(gathered));
}
