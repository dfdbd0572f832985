// The lists of containers, from outside: ps, stats, port, prune.
#include <csignal>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "e2e/containers_home.hpp"

using namespace coracle;
using namespace coracle::test;

TEST_CASE("ps shows what runs, and with -a what has ended or was never started") {
  const ContainersHome home;
  const std::string id = home.start({"--name", "web", "--label", "tier=back"});
  home.end("gone", 3);
  home.good({"create", "--net", "none", "--name", "fresh", "busybox", "true"});
  const std::string running = home.good({"ps"});
  CHECK(running.starts_with("CONTAINER ID   IMAGE     COMMAND        CREATED "));
  CHECK(contains(running, "STATUS"));
  CHECK(contains(running, "\n" + id.substr(0, 12) + "   busybox   \"sleep 1000\"   "));
  CHECK(contains(running, "   Up "));
  CHECK(running.ends_with("web\n"));
  CHECK(home.good({"ps", "-a", "--format", "{{.Names}} {{.State}}"}) == "fresh created\ngone exited\nweb running\n");
  CHECK(contains(home.good({"container", "ls", "-a"}), "   Exited (3) "));
  CHECK(home.good({"ps", "-n", "2", "--format", "{{.Names}}"}) == "fresh\ngone\n");
  CHECK(home.good({"ps", "-l", "--format", "{{.Names}}: {{.Status}}"}) == "fresh: Created\n");
  CHECK(home.good({"ps", "-q"}) == id.substr(0, 12) + "\n");
  CHECK(home.good({"ps", "-q", "--no-trunc"}) == id + "\n");
  home.good({"pause", "web"});
  CHECK(home.good({"ps", "--format", "{{.State}} {{.Status}}"}).ends_with(" (Paused)\n"));
  home.good({"unpause", "web"});
  CHECK(contains(home.good({"ps", "-s"}), "0B (virtual "));
  const auto json = nlohmann::json::parse(home.good({"ps", "--format", "json"}));
  CHECK(json["Labels"] == "tier=back");
  CHECK(json["Command"] == "\"sleep 1000\"");
  CHECK(json["Networks"] == "none");
  CHECK(home.good({"ps", "--format", "table {{.Names}}\\t{{.Label \"tier\"}}"}) == "NAMES     tier\nweb       back\n");
}

TEST_CASE("ps shows those that the filters let through") {
  const ContainersHome home;
  const std::string web = home.start({"--name", "web", "--label", "tier=back", "-v", "data:/srv"});
  home.start({"--name", "web-2", "--label", "tier=front"});
  home.end("gone", 3);
  const auto names = [&](const Words& filters) {
    Words words{"ps", "--format", "{{.Names}}"};
    for (const std::string& filter : filters) words.insert(words.end(), {"-f", filter});
    std::string out = home.good(words);
    std::replace(out.begin(), out.end(), '\n', ' ');
    return out;
  };
  CHECK(names({}) == "web-2 web ");
  CHECK(names({"name=web"}) == "web-2 web ");
  CHECK(names({"name=^web$"}) == "web ");
  CHECK(names({"name=^/web$"}) == "web ");
  CHECK(names({"name=2", "name=^web$"}) == "web-2 web ");
  CHECK(names({"id=" + web.substr(0, 8)}) == "web ");
  CHECK(names({"label=tier"}) == "web-2 web ");
  CHECK(names({"label=tier=back"}) == "web ");
  CHECK(names({"label=tier=back", "name=2"}).empty());
  CHECK(names({"status=exited"}) == "gone ");
  CHECK(names({"status=exited", "status=running"}) == "gone web-2 web ");
  CHECK(names({"exited=3"}) == "gone ");
  CHECK(names({"exited=0"}).empty());
  CHECK(names({"ancestor=busybox", "since=web"}) == "gone web-2 ");
  CHECK(names({"before=web-2"}) == "web ");
  CHECK(names({"volume=data"}) == "web ");
  CHECK(names({"volume=/srv"}) == "web ");
  CHECK(names({"network=none"}) == "web-2 web ");
  CHECK(names({"network=bridge"}).empty());
  CHECK(names({"health=none"}) == "web-2 web ");
  CHECK(names({"publish=80"}).empty());
  for (const char* bad : {"status=asleep", "exited=x", "health=good", "name=[", "publish=x", "since=nobody"}) {
    INFO(bad);
    CHECK(home.run({"ps", "-f", bad}).status == 1);
  }
  CHECK(home.run({"ps", "-f", "moon=1"}).status == 125);
}

TEST_CASE("lists are whole while others make and remove containers") {
  const ContainersHome home;
  home.start({"--name", "stays"});
  Running others({"sh", "-c",
                  "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do '" + test::coracle() + "' --root '" + home.path() +
                      "' run --rm --net none busybox true; done"});
  for (int i = 0; i < 40; ++i) {
    const Result list = home.run({"ps", "-a", "--format", "{{.Names}}"});
    CHECK(list.status == 0);
    CHECK(list.err.empty());
    CHECK(contains(list.out, "stays\n"));
  }
  CHECK(others.wait().status == 0);
}

TEST_CASE("stats tells what containers use") {
  const ContainersHome home;
  const std::string id = home.start({"--name", "busy", "-m", "64m"}, {"sh", "-c", "while :; do :; done"});
  home.end("gone", 0);
  const std::string table = home.good({"stats", "--no-stream"});
  CHECK(table.starts_with("CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT"));
  CHECK(contains(table, "\n" + id.substr(0, 12) + "   busy "));
  CHECK(contains(table, " / 64MiB "));
  const auto json = nlohmann::json::parse(home.good({"stats", "--no-stream", "--format", "json", "busy"}));
  CHECK(std::stod(json["CPUPerc"].get<std::string>()) > 5);
  CHECK(json["PIDs"] == "1");
  CHECK(json["Container"] == "busy");
  CHECK(home.good({"stats", "--no-stream", "-a", "--format", "{{.Name}} {{.MemUsage}}", "gone"}) == "gone 0B / 0B\n");
  CHECK(home.run({"stats", "--no-stream", "nobody"}).status != 0);
  Running stream(home.command({"stats", "--format", "{{.Name}}"}));
  stream.read_until("busy\n");
  stream.read_until("busy\n");
  stream.signal(SIGINT);
  CHECK(stream.wait().status == 128 + SIGINT);
}

TEST_CASE("prune removes the containers that do not run") {
  const ContainersHome home;
  home.start({"--name", "web"});
  home.end("gone", 0);
  home.end("other", 1);
  home.good({"create", "--net", "none", "--name", "kept", "--label", "keep", "busybox", "true"});
  CHECK(home.run({"container", "prune"}, "n\n").out.ends_with("Total reclaimed space: 0B\n"));
  CHECK(home.good({"container", "prune", "-f", "--filter", "until=2020-01-01"}) == "Total reclaimed space: 0B\n");
  const std::string id = home.good({"ps", "-aq", "--no-trunc", "-f", "name=gone"});
  const std::string pruned = home.good({"container", "prune", "-f", "--filter", "label!=keep"});
  CHECK(pruned.starts_with("Deleted Containers:\n"));
  CHECK(contains(pruned, id));
  CHECK(home.good({"ps", "-a", "--format", "{{.Names}}"}) == "kept\nweb\n");
  const std::string all = home.run({"system", "prune", "-a"}, "y\n").out;
  CHECK(all.starts_with("WARNING! This will remove:\n  - all stopped containers\n"));
  CHECK(contains(all, "Deleted Containers:\n"));
  CHECK(home.good({"ps", "-a", "--format", "{{.Names}}"}) == "web\n");
  CHECK(contains(home.good({"images"}), "busybox"));
  const auto info = nlohmann::json::parse(home.good({"info", "--format", "json"}));
  CHECK(info["Containers"] == 1);
  CHECK(info["ContainersRunning"] == 1);
}

TEST_CASE("a port that was chosen by the host is told, and a volume is inspected") {
  const ContainersHome home;
  const std::string made =
      home.good({"run", "-d", "--name", "web", "-p", "80", "-v", "data:/data", "busybox", "sleep", "1000"});
  const std::string line = home.good({"port", "web"});
  int port = 0;
  REQUIRE(std::sscanf(line.c_str(), "80/tcp -> 0.0.0.0:%d", &port) == 1);
  CHECK(port > 0);
  CHECK(contains(home.good({"ps"}), "0.0.0.0:" + std::to_string(port) + "->80/tcp"));
  CHECK(home.good({"inspect", "-f", "{{.Driver}} {{.Name}}", "data"}) == "local data\n");
  CHECK(home.good({"rm", "-f", "web"}) == "web\n");
}
