// Lesson 12 from outside: the two steps, what the kernel knows between them, the hooks, the terminal that is sent away.
#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "kernel/cgroup_trees.hpp"
#include "kernel/fd.hpp"
#include "kernel/unix_socket.hpp"
#include "support/bundle.hpp"

using namespace coracle;
using namespace coracle::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A hook that appends its name and the state it got to a file.
json hook(const std::string& name, const std::string& file) {
  return {{"path", "/bin/sh"},
          {"args", {"sh", "-c", fmt::format("echo {} $(cat) >> {}", name, file)}},
          {"env", json::array()}};
}

const std::vector<std::string> kOutside = {"prestart", "createRuntime", "createContainer", "poststart", "poststop"};

// The names of the hooks that ran, in their order, and the status that each of them saw.
std::string ran(const std::string& file) {
  std::string text;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    const std::size_t space = line.find(' ');
    text += fmt::format("{}:{} ", line.substr(0, space), json::parse(line.substr(space))["status"].get<std::string>());
  }
  return text;
}

// A unix socket that waits for whoever sends a terminal.
class ConsoleSocket {
 public:
  explicit ConsoleSocket(const std::string& path) : listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path.c_str(), path.size());
    REQUIRE(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listener_.get(), 1) == 0);
  }
  kernel::Message receive() const {
    const kernel::Fd line(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    return kernel::receive_message(line);
  }

 private:
  kernel::Fd listener_;
};

}  // namespace

TEST_CASE("between create and start the container is whole, and its program has not begun") {
  const Bundle bundle({"sh", "-c", "echo begun; exec sleep 1000"});
  bundle.create("one");
  const pid_t pid = bundle.pid_of("one");
  for (const std::string name : {"mnt", "pid", "uts", "ipc", "net"})
    CHECK(namespace_of(pid, name) != namespace_of(getpid(), name));
  const bool own_groups = namespace_of(pid, "cgroup") != namespace_of(getpid(), "cgroup");
  CHECK(own_groups == kernel::CgroupTrees::unified());  // as `spec` asks for it
  std::ifstream table(fmt::format("/proc/{}/mountinfo", pid));
  const std::string mounts{std::istreambuf_iterator<char>(table), {}};
  for (const std::string point : {" /proc ", " /dev ", " /sys ", " /dev/pts "}) CHECK(contains(mounts, point));
  CHECK(fs::exists(fmt::format("/proc/{}/root/bin/busybox", pid)));
  CHECK(bundle.printed().empty());
  REQUIRE(bundle.oci({"start", "one"}).status == 0);
  CHECK(eventually([&] { return bundle.printed() == "begun\n"; }));
  CHECK(bundle.pid_of("one") == pid);
}

TEST_CASE("the status is the kernel's: a container whose process was killed is stopped, whatever was written") {
  const Bundle bundle({"sleep", "1000"});
  for (const bool started : {false, true}) {
    started ? bundle.start("one") : bundle.create("one");
    REQUIRE(kill(bundle.pid_of("one"), SIGKILL) == 0);
    CHECK(bundle.reaches("one", "stopped"));
    CHECK(bundle.oci({"start", "one"}).status == 1);
    CHECK(bundle.oci({"delete", "one"}).status == 0);
  }
}

TEST_CASE("hooks run in their order, each with the state of its moment") {
  Bundle bundle({"true"});
  const std::string file = bundle.scratch() + "/hooks";
  for (const std::string& name : kOutside) bundle.config["hooks"][name] = {hook(name, file), hook(name + "2", file)};
  bundle.config["hooks"]["startContainer"] = {hook("startContainer", "/ran-inside")};
  const Result result = bundle.oci({"run", "--bundle", bundle.path(), "one"});
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(ran(file) ==
        "prestart:creating prestart2:creating createRuntime:creating createRuntime2:creating createContainer:creating "
        "createContainer2:creating poststart:running poststart2:running poststop:stopped poststop2:stopped ");
  CHECK(ran(bundle.rootfs() + "/ran-inside") == "startContainer:created ");
}

TEST_CASE("a hook of the create that fails ends it with what the hook said, and poststop hooks run") {
  for (const std::string name : {"prestart", "createRuntime", "createContainer"}) {
    INFO(name);
    Bundle bundle({"touch", "/begun"});
    const std::string file = bundle.scratch() + "/hooks";
    bundle.config["hooks"][name] = {{{"path", "/bin/sh"}, {"args", {"sh", "-c", "echo no luck >&2; exit 3"}}},
                                    hook("never", file)};
    bundle.config["hooks"]["poststop"] = {hook("poststop", file)};
    const Result result = bundle.oci({"run", "--bundle", bundle.path(), "one"});
    CHECK(result.status == 1);
    CHECK(contains(result.err, "no luck"));
    CHECK(ran(file) == "poststop:stopped ");
    CHECK(!fs::exists(bundle.rootfs() + "/begun"));
    CHECK(fs::is_empty(bundle.state()));
  }
}

TEST_CASE("a hook that takes longer than its timeout is ended, and one after the start only warns") {
  Bundle slow({"true"});
  slow.config["hooks"]["createRuntime"] = {{{"path", "/bin/sleep"}, {"args", {"sleep", "1000"}}, {"timeout", 1}}};
  const Result ended = slow.oci({"run", "--bundle", slow.path(), "one"});
  CHECK(ended.status == 1);
  CHECK(contains(ended.err, "its timeout of 1 s"));

  Bundle bundle({"true"});
  const std::string file = bundle.scratch() + "/hooks";
  bundle.config["hooks"]["poststart"] = {{{"path", "/missing"}}, hook("poststart", file)};
  const Result warned = bundle.oci({"run", "--bundle", bundle.path(), "one"});
  CHECK(warned.status == 0);
  CHECK(contains(warned.err, "warning: run the hook /missing"));
  CHECK(contains(ran(file), "poststart:"));
}

TEST_CASE("the master of the container's terminal is sent to the console socket, and the program is at its other end") {
  Bundle bundle({"sh", "-c", "test -t 0 && test -t 1 && stty size && tty; read line; echo got $line; sleep 1000"});
  bundle.config["process"]["terminal"] = true;
  bundle.config["process"]["consoleSize"] = {{"height", 33}, {"width", 77}};
  const std::string path = bundle.scratch() + "/console";
  const ConsoleSocket console(path);
  CHECK(bundle.quiet({"create", "--bundle", bundle.path(), "one"}).status == 1);
  CHECK(bundle.quiet({"run", "--detach", "--bundle", bundle.path(), "one"}).status == 1);
  const Result created = bundle.quiet({"create", "--bundle", bundle.path(), "--console-socket", path, "one"});
  INFO(created.err);
  REQUIRE(created.status == 0);
  const kernel::Message message = console.receive();
  REQUIRE(message.descriptor);
  CHECK(contains(message.text, "pts"));
  REQUIRE(bundle.oci({"start", "one"}).status == 0);
  std::string shown;
  const auto read_until = [&](const std::string& text) {
    char buffer[256];
    while (!contains(shown, text)) {
      const ssize_t count = read(message.descriptor.get(), buffer, sizeof buffer);
      if (count <= 0) break;
      shown.append(buffer, static_cast<std::size_t>(count));
    }
    INFO(shown);
    CHECK(contains(shown, text));
  };
  read_until("33 77");
  read_until("/dev/");
  REQUIRE(write(message.descriptor.get(), "hello\n", 6) == 6);
  read_until("got hello");
}
