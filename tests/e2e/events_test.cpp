// What is told of the host and of what happens on it: events, info, version.
#include <csignal>
#include <thread>

#include <nlohmann/json.hpp>

#include "e2e/containers_home.hpp"
#include "engine/events.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

std::string events(const Home& home, Words words = {}) {
  words.insert(words.begin(), {"events", "--since", "1", "--until", "0s"});
  const Result result = home.run(words);
  INFO(result.err);
  REQUIRE(result.status == 0);
  return result.out;
}

const Words kShort = {"--format", "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}"};

}  // namespace

TEST_CASE("events tells what was done to images") {
  const BusyboxHome home;
  const TemporaryDirectory files;
  const std::string id = home.run({"images", "-q", "--no-trunc"}).out.substr(0, 71);
  REQUIRE(home.run({"tag", "busybox", "team/box:1"}).status == 0);
  REQUIRE(home.run({"save", "-o", files.path() + "/box.tar", "team/box:1"}).status == 0);
  REQUIRE(home.run({"rmi", "team/box:1"}).status == 0);
  REQUIRE(home.run({"rmi", "busybox"}).status == 0);
  REQUIRE(home.run({"load", "-i", files.path() + "/box.tar"}).status == 0);
  CHECK(events(home, kShort) ==
        "image import busybox:latest\nimage tag team/box:1\nimage save team/box:1\nimage untag team/box:1\n"
        "image untag busybox:latest\nimage delete " +
            id + "\nimage load team/box:1\n");
  CHECK(contains(events(home), " image tag " + id + " (name=team/box:1)\n"));
  const auto first = nlohmann::json::parse(events(home, {"--format", "json", "--filter", "event=tag"}));
  CHECK(first["Actor"]["ID"] == id);
  CHECK(first["status"] == "tag");
  CHECK(first["timeNano"].get<std::int64_t>() / 1'000'000'000 == first["time"].get<std::int64_t>());
}

TEST_CASE("events come as they happen, and end at a time that is asked for") {
  const BusyboxHome home;
  Running following(home.command({"events", "--since", "1", "--format", "{{.Action}} {{.Actor.Attributes.name}}"}));
  following.read_until("import busybox:latest\n");
  REQUIRE(home.run({"tag", "busybox", "second"}).status == 0);
  following.read_until("tag second:latest\n");
  following.signal(SIGINT);
  CHECK(following.wait().status == 128 + SIGINT);
  CHECK(home.run({"events", "--until", "2020-01-01"}).out.empty());
  CHECK(home.run({"events", "--since", "soon"}).status == 125);
}

TEST_CASE("events are filtered by type, what was done, who it was done to, and labels") {
  const Home home;
  REQUIRE(home.run({"images"}).status == 0);
  engine::tell(home.path(), "container", "start", "c1d1", {{"name", "web"}, {"image", "redis"}, {"tier", "back"}});
  engine::tell(home.path(), "container", "exec_start: sh", "c2d2", {{"name", "db"}, {"image", "box:1"}});
  engine::tell(home.path(), "network", "connect", "n1", {{"name", "bridge"}, {"container", "c1d1"}});
  engine::tell(home.path(), "volume", "create", "data");
  const auto count = [&](const Words& filters) {
    Words words;
    for (const std::string& filter : filters) words.insert(words.end(), {"--filter", filter});
    const std::string out = events(home, words);
    return std::count(out.begin(), out.end(), '\n');
  };
  CHECK(count({}) == 4);
  CHECK(count({"type=container"}) == 2);
  CHECK(count({"type=container", "type=volume"}) == 3);
  CHECK(count({"container=web"}) == 1);
  CHECK(count({"container=c1"}) == 1);
  CHECK(count({"container=c1d1"}) == 2);
  CHECK(count({"event=exec_start"}) == 1);
  CHECK(count({"image=box", "image=redis"}) == 2);
  CHECK(count({"label=tier=back"}) == 1);
  CHECK(count({"volume=data"}) == 1);
  CHECK(home.run({"events", "--filter", "moon=1"}).status == 125);
}

TEST_CASE("the log of events does not grow for ever, and who follows it misses none") {
  const Home home;
  REQUIRE(home.run({"images"}).status == 0);
  Running following(home.command({"events", "--since", "1", "--format", "{{.Actor.ID}}"}));
  constexpr int kEach = 4000;
  const std::string padding(100, 'x');
  std::vector<std::thread> tellers;
  for (const char* who : {"a", "b"}) {
    tellers.emplace_back([&, who] {
      for (int i = 0; i < kEach; ++i)
        engine::tell(home.path(), "image", "tag", who + std::to_string(i), {{"name", padding}});
    });
  }
  for (std::thread& teller : tellers) teller.join();
  engine::tell(home.path(), "image", "tag", "end");
  const std::string all = following.read_until("end\n");
  CHECK(std::count(all.begin(), all.end(), '\n') == 2 * kEach + 1);
  for (const char* who : {"a", "b"}) CHECK(contains(all, std::string(who) + std::to_string(kEach - 1) + "\n"));
  following.signal(SIGTERM);
  following.wait();
  CHECK(kernel::exists(home.path() + "/events.log.1"));
  struct stat log {};
  REQUIRE(::stat((home.path() + "/events.log").c_str(), &log) == 0);
  CHECK(log.st_size < 1 << 20);
}

TEST_CASE("info and version tell of the host in docker's fields") {
  const BusyboxHome home;
  const auto info = nlohmann::json::parse(home.run({"info", "--format", "json"}).out);
  CHECK(info["Images"] == 1);
  CHECK(info["Containers"] == 0);
  CHECK(info["NCPU"].get<int>() > 0);
  CHECK(info["DockerRootDir"] == home.path());
  CHECK(home.run({"info", "-f", "{{.Driver}} {{.OSType}} {{index .DriverStatus 0}}"}).out ==
        "overlay2 linux [Backing Filesystem tmpfs]\n");
  const std::string text = home.run({"system", "info"}).out;
  CHECK(contains(text, " Images: 1\n"));
  CHECK(contains(text, "GiB\n"));
  const std::string version = home.run({"version", "-f", "{{.Client.Version}} {{.Server.Version}}"}).out;
  CHECK(version == home.run({"version", "-f", "{{.Server.Version}} {{.Client.Version}}"}).out);
  CHECK(contains(home.run({"--version"}).out, version.substr(0, version.find(' '))));
  CHECK(contains(home.run({"version"}).out, "  Kernel Version:   "));
  CHECK(home.run({"version", "-f", "{{"}).status == 1);
}

TEST_CASE("events tells the life of a container") {
  const ContainersHome home;
  home.start({"--name", "web", "-l", "tier=back"}, {"sleep", "1000"});
  home.good({"exec", "web", "true"});
  home.good({"pause", "web"});
  home.good({"unpause", "web"});
  home.good({"rename", "web", "boat"});
  home.good({"stop", "-t", "0", "boat"});
  home.good({"rm", "boat"});
  home.run({"run", "--rm", "--net", "none", "--name", "short", "busybox", "sh", "-c", "exit 3"});
  const Words format = {"--filter", "type=container", "--format",
                        "{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.exitCode}}"};
  CHECK(events(home, format) ==
        "create web <no value>\nstart web <no value>\nexec_create: true web <no value>\n"
        "exec_start: true web <no value>\nexec_die web 0\npause web <no value>\nunpause web <no value>\n"
        "rename boat <no value>\nkill boat <no value>\ndie web 137\nstop boat <no value>\ndestroy boat <no value>\n"
        "create short <no value>\nstart short <no value>\ndie short 3\ndestroy short <no value>\n");
  CHECK(events(home, {"--filter", "label=tier=back", "--filter", "event=start", "--format", "{{.From}}"}) ==
        "busybox\n");
}
