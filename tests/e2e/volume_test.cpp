// Volumes as things of their own: made, listed, used, and removed when nobody uses them.
#include <csignal>
#include <filesystem>

#include <fmt/format.h>
#include <sys/mount.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "e2e/home.hpp"
#include "kernel/fd.hpp"

using namespace coracle;
using namespace coracle::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A data root with the image busybox, and one of it that wants /data as a volume.
class VolumeHome : public BusyboxHome {
 public:
  VolumeHome() {
    const Result made = run({"import", "-c", "CMD [\"sh\"]", "-c", "VOLUME /data", busybox_layer(), "wanting"});
    REQUIRE(made.status == 0);
  }
  Result sh(const Words& options, const std::string& script, const std::string& image = "busybox") const {
    Words words = {"run", "--net", "none"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {image, "sh", "-c", script});
    return run(words);
  }
  std::string volumes() const { return run({"volume", "ls", "-q"}).out; }
  std::string data_of(const std::string& volume) const { return path() + "/volumes/" + volume + "/_data"; }
  bool is_mounted(const std::string& volume) const {
    return contains(kernel::read_file("/proc/mounts"), data_of(volume));
  }
};

}  // namespace

TEST_CASE("volumes are made, listed, filtered, inspected and removed as docker has it") {
  const VolumeHome home;
  CHECK(home.run({"volume", "create", "--label", "kind=db", "data"}).out == "data\n");
  CHECK(home.run({"volume", "create", "data"}).out == "data\n");
  CHECK(home.run({"volume", "create", "more"}).out == "more\n");
  CHECK(home.run({"volume", "ls"}).out == "DRIVER    VOLUME NAME\nlocal     data\nlocal     more\n");
  CHECK(home.run({"volume", "ls", "-q", "--filter", "label=kind=db"}).out == "data\n");
  CHECK(home.run({"volume", "ls", "-q", "--filter", "name=or"}).out == "more\n");
  CHECK(home.run({"volume", "ls", "--format", "{{.Name}}:{{.Labels}}"}).out == "data:kind=db\nmore:\n");
  const json data = json::parse(home.run({"volume", "inspect", "data"}).out).at(0);
  CHECK(data.at("Mountpoint") == home.data_of("data"));
  CHECK(data.at("Labels") == json{{"kind", "db"}});
  CHECK(data.at("Options").is_null());
  CHECK(fs::is_directory(home.data_of("data")));
  CHECK(home.run({"volume", "rm", "data", "more"}).out == "data\nmore\n");
  CHECK(home.volumes().empty());
  CHECK(!fs::exists(home.path() + "/volumes/data"));
  CHECK(home.run({"volume", "rm", "data"}).status == 1);
  CHECK(home.run({"volume", "rm", "-f", "data"}).status == 0);
  CHECK(home.run({"volume", "inspect", "data"}).status == 1);
  CHECK(home.run({"volume", "create", "../etc"}).status == 1);
  const std::string told = "volume create data\nvolume create more\nvolume destroy data\nvolume destroy more\n";
  CHECK(home.run({"events", "--since", "0", "--until", "0s", "--filter", "type=volume", "--format",
                  "{{.Type}} {{.Action}} {{.Actor.ID}}"})
            .out == told);
}

TEST_CASE("a volume is not removed while a container names it, running or not") {
  const VolumeHome home;
  REQUIRE(home.sh({"--name", "keeper", "-v", "data:/d"}, "echo kept > /d/file").status == 0);
  const Result refused = home.run({"volume", "rm", "data"});
  CHECK(refused.status == 1);
  CHECK(contains(refused.err, "volume is in use"));
  CHECK(home.run({"volume", "ls", "-q", "--filter", "dangling=true"}).out.empty());
  CHECK(home.run({"volume", "prune", "-a", "-f"}).out == "Total reclaimed space: 0B\n");
  CHECK(home.sh({"--rm", "-v", "data:/d"}, "cat /d/file").out == "kept\n");
  REQUIRE(home.run({"rm", "keeper"}).status == 0);
  CHECK(home.run({"volume", "rm", "data"}).status == 0);
}

TEST_CASE("a volume without a name goes with its container where that is asked, and with prune") {
  const VolumeHome home;
  const std::string places = "grep -c -E ' /(data|mine) ' /proc/mounts";
  CHECK(home.sh({"--rm", "-v", "/mine"}, places, "wanting").out == "2\n");
  CHECK(home.volumes().empty());
  CHECK(home.sh({"--rm", "-v", "named:/data"}, "true", "wanting").status == 0);
  CHECK(home.volumes() == "named\n");  // the option took the place that the image wants
  CHECK(home.sh({"--rm", "-v", "/mine"}, "exit 3; ", "wanting").status == 3);
  CHECK(home.run({"run", "--rm", "--net", "none", "wanting", "missing"}).status == 127);
  CHECK(home.volumes() == "named\n");
  REQUIRE(home.sh({"--name", "one"}, "echo kept > /data/file", "wanting").status == 0);
  REQUIRE(home.sh({"--name", "two"}, "true", "wanting").status == 0);
  CHECK(home.run({"rm", "-v", "two"}).status == 0);
  CHECK(home.run({"rm", "one"}).status == 0);
  CHECK(home.volumes().size() == 65 + 6);
  CHECK(contains(home.run({"volume", "prune"}, "n\n").out, "anonymous local volumes"));
  CHECK(contains(home.run({"volume", "prune", "-f"}).out, "Deleted Volumes:\n"));
  CHECK(home.volumes() == "named\n");
  CHECK(contains(home.run({"volume", "prune", "-a", "-f"}).out, "Deleted Volumes:\nnamed\n"));
}

TEST_CASE("--volumes-from shares what another container has, and only to read where that is asked") {
  const VolumeHome home;
  REQUIRE(home.sh({"--name", "one", "-v", "named:/n", "--tmpfs", "/memory"}, "echo 1 >/data/x; echo 2 >/n/y", "wanting")
              .status == 0);
  CHECK(home.sh({"--rm", "--volumes-from", "one"}, "cat /data/x /n/y; echo 3 >/n/z; ls -d /memory 2>&1").out ==
        "1\n2\nls: /memory: No such file or directory\n");
  CHECK(home.sh({"--rm", "--volumes-from", "one:ro"}, "cat /n/z; echo 4 >/n/z").status == 1);
  CHECK(home.sh({"--rm", "--volumes-from", "one", "-v", "own:/n"}, "ls /n").out.empty());
  CHECK(home.sh({"--volumes-from", "missing"}, "true").status == 125);
  CHECK(home.sh({"--volumes-from", "one:rx"}, "true").status == 125);
  REQUIRE(home.sh({"--name", "two", "--volumes-from", "one"}, "true").status == 0);
  REQUIRE(home.run({"rm", "-v", "one"}).status == 0);
  CHECK(home.volumes().size() == 65 + 6 + 4);  // two has it still
}

TEST_CASE("--mount has docker's types, and a missing source is an error") {
  const VolumeHome home;
  const std::string host = home.path() + "/host";
  fs::create_directory(host);
  CHECK(home.sh({"--rm", "--mount", "type=bind,src=" + host + ",dst=/h,readonly"}, "touch /h/x").status == 1);
  CHECK(home.sh({"--rm", "--mount", "source=data,target=/etc,volume-nocopy"}, "ls /etc/passwd").status == 1);
  CHECK(home.sh({"--rm", "--mount", "type=tmpfs,target=/t,tmpfs-mode=700,tmpfs-size=64k"},
                "stat -c %a /t; df -k /t | tail -1 | awk '{print $2}'")
            .out == "700\n64\n");
  const Result missing = home.sh({"--mount", "type=bind,src=/nowhere/x,dst=/h"}, "true");
  CHECK(missing.status == 125);
  CHECK(contains(missing.err, "bind source path does not exist: /nowhere/x"));
}

TEST_CASE("idmap shows files with other owners, and the disk keeps theirs") {
  const VolumeHome home;
  const std::string host = home.path() + "/host";
  fs::create_directory(host);
  REQUIRE(chown(host.c_str(), 1000, 1000) == 0);
  const std::string mount = "type=bind,src=" + host + ",dst=/h,idmap";
  const Result owner = home.sh({"--rm", "--mount", mount}, "stat -c %u:%g /h; touch /h/made");
  INFO(owner.err);
  CHECK(owner.out == "0:0\n");
  CHECK(run({"stat", "-c", "%u:%g", host + "/made"}).out == "1000:1000\n");
  CHECK(home.sh({"--rm", "--mount", mount + "=uids=1000-33-1;gids=1000-7-1"}, "stat -c %u:%g /h/made").out == "33:7\n");
}

TEST_CASE("a volume that is mounted is so while somebody uses it, once for all") {
  const VolumeHome home;
  REQUIRE(home.run({"volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=64k,noexec", "memory"})
              .status == 0);
  CHECK(!home.is_mounted("memory"));
  Running first(home.command({"run", "-i", "--net", "none", "--rm", "-v", "memory:/m", "busybox", "sh", "-c",
                              "echo shared >/m/x; echo ready; read go"}));
  first.read_until("ready");
  CHECK(home.is_mounted("memory"));
  CHECK(home.sh({"--rm", "-v", "memory:/m"}, "cat /m/x; grep -c ' /m .*noexec.*size=64k' /proc/mounts").out ==
        "shared\n1\n");
  CHECK(home.is_mounted("memory"));
  CHECK(home.run({"volume", "rm", "memory"}).status == 1);
  first.close_input();
  first.wait();
  CHECK(!home.is_mounted("memory"));
  CHECK(home.run({"volume", "rm", "memory"}).status == 0);
}

TEST_CASE("a volume bound to a directory never takes that with it") {
  const VolumeHome home;
  const std::string host = home.path() + "/precious";
  fs::create_directory(host);
  REQUIRE(home.run({"volume", "create", "-o", "type=none", "-o", "device=" + host, "-o", "o=bind", "bound"}).status ==
          0);
  CHECK(home.sh({"--rm", "-v", "bound:/b"}, "echo mine >/b/file").status == 0);
  CHECK(fs::exists(host + "/file"));
  // The last user was killed, and nobody has unmounted it.
  REQUIRE(mount(host.c_str(), home.data_of("bound").c_str(), nullptr, MS_BIND, nullptr) == 0);
  const Result removed = home.run({"volume", "rm", "bound"});
  INFO(removed.err);
  CHECK(removed.status == 0);
  CHECK(fs::exists(host + "/file"));
  CHECK(!home.is_mounted("bound"));
  REQUIRE(home.run({"volume", "create", "plain"}).status == 0);
  REQUIRE(mount(host.c_str(), home.data_of("plain").c_str(), nullptr, MS_BIND, nullptr) == 0);
  CHECK(home.run({"volume", "rm", "plain"}).status == 1);  // somebody else's mount
  CHECK(fs::exists(host + "/file"));
  REQUIRE(umount2(home.data_of("plain").c_str(), MNT_DETACH) == 0);
}

TEST_CASE("a container that is killed leaves no volume mounted") {
  const VolumeHome home;
  REQUIRE(home.run({"volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "memory"}).status == 0);
  Running killed(
      home.command({"run", "--net", "none", "--rm", "-v", "memory:/m", "busybox", "sh", "-c", "echo ready; read go"}));
  killed.read_until("ready");
  killed.signal(SIGKILL);
  killed.wait();
  CHECK(home.is_mounted("memory"));
  CHECK(home.run({"volume", "rm", "memory"}).status == 0);
  CHECK(!home.is_mounted("memory"));
}

TEST_CASE("what is mounted on the host later is seen in a container that follows it") {
  const VolumeHome home;
  const std::string host = home.path() + "/host";
  fs::create_directory(host);
  REQUIRE(mount("none", host.c_str(), "tmpfs", 0, nullptr) == 0);
  REQUIRE(mount(nullptr, host.c_str(), nullptr, MS_SHARED, nullptr) == 0);
  fs::create_directory(host + "/sub");
  Running container(home.command({"run", "-i", "--net", "none", "--rm", "-v", host + ":/h:rslave", "busybox", "sh",
                                  "-c", "echo ready; read go; cat /h/sub/file"}));
  container.read_until("ready");
  REQUIRE(mount("none", (host + "/sub").c_str(), "tmpfs", 0, nullptr) == 0);
  kernel::create_file(host + "/sub/file", "seen\n");
  container.write("\n");
  container.close_input();
  CHECK(contains(container.wait().out, "seen\n"));
  REQUIRE(umount2((host + "/sub").c_str(), MNT_DETACH) == 0);
  REQUIRE(umount2(host.c_str(), MNT_DETACH) == 0);
}
