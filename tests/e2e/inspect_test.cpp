// What inspect tells of containers.
#include <nlohmann/json.hpp>

#include "e2e/containers_home.hpp"

using namespace coracle;
using namespace coracle::test;

TEST_CASE("inspect tells of a container what docker tells") {
  const ContainersHome home;
  const std::string id = home.start({"--name",
                                     "web",
                                     "-e",
                                     "A=b",
                                     "-l",
                                     "tier=back",
                                     "-v",
                                     "data:/srv:ro",
                                     "-m",
                                     "64m",
                                     "--cpus",
                                     "0.5",
                                     "--restart",
                                     "on-failure:3",
                                     "--ulimit",
                                     "nofile=100:200",
                                     "--stop-timeout",
                                     "3",
                                     "-w",
                                     "/tmp"});
  const auto web = nlohmann::json::parse(home.good({"inspect", "web"})).at(0);
  CHECK(web["Id"] == id);
  CHECK(web["Name"] == "/web");
  CHECK(web["Path"] == "sleep");
  CHECK(web["Args"] == nlohmann::json::array({"1000"}));
  CHECK(web["State"]["Status"] == "running");
  CHECK(web["State"]["Running"] == true);
  CHECK(kernel::exists("/proc/" + std::to_string(web["State"]["Pid"].get<int>()) + "/stat"));
  CHECK(web["State"]["FinishedAt"] == "0001-01-01T00:00:00Z");
  CHECK(web["Image"].get<std::string>().starts_with("sha256:"));
  CHECK(web["HostConfig"]["Binds"] == nlohmann::json::array({"data:/srv:ro"}));
  CHECK(web["HostConfig"]["Memory"] == 64 << 20);
  CHECK(web["HostConfig"]["NanoCpus"] == 500'000'000);
  CHECK(web["HostConfig"]["NetworkMode"] == "none");
  CHECK(web["HostConfig"]["RestartPolicy"]["Name"] == "on-failure");
  CHECK(web["HostConfig"]["RestartPolicy"]["MaximumRetryCount"] == 3);
  CHECK(web["HostConfig"]["Ulimits"][0]["Name"] == "nofile");
  CHECK(web["Mounts"][0]["Type"] == "volume");
  CHECK(web["Mounts"][0]["Destination"] == "/srv");
  CHECK(web["Mounts"][0]["RW"] == false);
  CHECK(web["Config"]["Env"] == nlohmann::json::array({"A=b"}));
  CHECK(web["Config"]["Labels"]["tier"] == "back");
  CHECK(web["Config"]["WorkingDir"] == "/tmp");
  CHECK(web["Config"]["StopTimeout"] == 3);
  CHECK(web["NetworkSettings"]["Networks"].contains("none"));
  CHECK(kernel::exists(web["LogPath"]));
}

TEST_CASE("inspect picks what a format asks for, of containers and of all else") {
  const ContainersHome home;
  home.end("gone", 3);
  CHECK(home.good({"inspect", "-f", "{{.State.Status}} {{.State.ExitCode}} {{if .State.Health}}x{{end}}", "gone"}) ==
        "exited 3 \n");
  CHECK(home.good({"inspect", "-f", "{{json .Mounts}}{{.Config.Cmd}}", "gone"}) == "[][sh -c exit 3]\n");
  CHECK(home.good({"inspect", "-f", "{{.Name}}{{.Id}}", "bridge"}).starts_with("bridge"));
  CHECK(home.good({"container", "inspect", "-f", "{{.Name}}", "gone"}) == "/gone\n");
  CHECK(home.good({"inspect", "-s", "-f", "{{.SizeRw}}", "gone"}) == "0\n");
  CHECK(home.run({"container", "inspect", "busybox"}).status == 1);
  CHECK(home.run({"image", "inspect", "gone"}).status == 1);
  CHECK(home.run({"inspect", "--type", "moon", "gone"}).status == 1);
  const Result some = home.run({"inspect", "-f", "{{.Id}}", "nobody", "gone"});
  CHECK(some.status == 1);
  CHECK(std::count(some.out.begin(), some.out.end(), '\n') == 1);
  CHECK(contains(some.err, "inspect nobody"));
}

TEST_CASE("inspect and port tell where a container's ports are on the host") {
  const ContainersHome home;
  home.good(
      {"run", "-d", "--name", "web", "-p", "127.0.0.1:18080:80", "-p", "18081:81/udp", "busybox", "sleep", "1000"});
  CHECK(home.good({"port", "web"}) == "80/tcp -> 127.0.0.1:18080\n81/udp -> 0.0.0.0:18081\n");
  CHECK(home.good({"port", "web", "80"}) == "127.0.0.1:18080\n");
  CHECK(home.run({"port", "web", "82"}).status == 1);
  CHECK(contains(home.good({"ps"}), "   127.0.0.1:18080->80/tcp, 0.0.0.0:18081->81/udp   web\n"));
  CHECK(home.good({"ps", "-f", "publish=18080", "--format", "{{.Networks}}"}) == "bridge\n");
  CHECK(home.good({"inspect", "-f", "{{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}", "web"}) ==
        "18080\n");
  const std::string address = home.good({"inspect", "-f", "{{.NetworkSettings.IPAddress}}", "web"});
  CHECK(contains(home.good({"exec", "web", "ip", "addr"}), "inet " + address.substr(0, address.size() - 1) + "/"));
  CHECK(home.good({"inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", "web"}) == address);
}
