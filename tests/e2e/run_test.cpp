// coracle run, from outside: what the kernel shows while a container runs, how it ends, what is left.
#include <csignal>
#include <fstream>
#include <sstream>

#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "e2e/home.hpp"
#include "kernel/inode.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

std::string proc(pid_t pid, const std::string& file) {
  std::ifstream stream("/proc/" + std::to_string(pid) + "/" + file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

Result in_busybox(const Home& home, Words options, const Words& command, const std::string& input = {}) {
  options.insert(options.begin(), {"run", "--rm"});
  if (std::find(options.begin(), options.end(), "--net") == options.end()) {
    options.insert(options.end(), {"--net", "none"});
  }
  options.push_back("busybox");
  options.insert(options.end(), command.begin(), command.end());
  return home.run(options, input);
}

std::string output(const Home& home, const Words& options, const Words& command) {
  const Result result = in_busybox(home, options, command);
  INFO(result.err);
  CHECK(result.status == 0);
  return result.out;
}

bool nothing_left(const Home& home) {
  const std::string containers = home.path() + "/containers";
  return !kernel::exists(containers) || kernel::list(kernel::open(containers, O_RDONLY | O_DIRECTORY)).empty();
}

// A container that waits, and has said that it does.
std::unique_ptr<Running> waiting(const Home& home, const Words& options, const std::string& script = "") {
  Words words = {"run", "--rm", "--net", "none"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"busybox", "sh", "-c", script + "echo ready; exec sleep 1000"});
  auto running = std::make_unique<Running>(home.command(words));
  running->read_until("ready\n");
  return running;
}

void end(Running& running) {
  kill(running.child(), SIGKILL);
  CHECK(running.wait().status == 128 + SIGKILL);
}

}  // namespace

TEST_CASE("a container has namespaces of its own and a root of its own") {
  const BusyboxHome home;
  const auto running = waiting(home, {});
  for (const char* kind : {"mnt", "pid", "uts", "ipc", "cgroup", "net"}) {
    INFO(kind);
    CHECK(namespace_of(running->child(), kind) != namespace_of(getpid(), kind));
  }
  CHECK(namespace_of(running->child(), "user") == namespace_of(getpid(), "user"));
  const std::string mounts = proc(running->child(), "mountinfo");
  CHECK(mounts.find(" / / ") != std::string::npos);
  CHECK(mounts.find(" - overlay ") != std::string::npos);
  CHECK(mounts.find(home.path()) ==
        mounts.find(home.path() + "/layers"));  // no path of the host but in overlay's own words
  end(*running);
  CHECK(nothing_left(home));
}

TEST_CASE("the exit status is the program's, 128+n for a signal, 125 to 127 for ours") {
  const BusyboxHome home;
  CHECK(in_busybox(home, {}, {"sh", "-c", "exit 42"}).status == 42);
  CHECK(in_busybox(home, {}, {"sh", "-c", "kill -9 $$; sleep 9 & kill -9 $!; wait $!"}).status == 137);
  CHECK(in_busybox(home, {"--init"}, {"sh", "-c", "kill -SEGV $$"}).status == 139);
  CHECK(in_busybox(home, {}, {"no-such-program"}).status == 127);
  CHECK(in_busybox(home, {}, {"/no/such/program"}).status == 127);
  CHECK(in_busybox(home, {}, {"/etc/passwd"}).status == 126);
  CHECK(in_busybox(home, {}, {"/etc"}).status == 126);
  CHECK(in_busybox(home, {"--user", "nobody-here"}, {"true"}).status == 125);
  CHECK(nothing_left(home));
}

TEST_CASE("what stands behind the image belongs to the command") {
  const BusyboxHome home;
  CHECK(output(home, {}, {"echo", "--net", "host", "--", "-e", "--help"}) == "--net host -- -e --help\n");
}

TEST_CASE("the image's command runs when none is given") {
  const BusyboxHome home;
  CHECK(in_busybox(home, {"-i"}, {}, "echo from the shell $$\n").out == "from the shell 1\n");
}

TEST_CASE("stdin is passed on with -i, and is empty without") {
  const BusyboxHome home;
  CHECK(in_busybox(home, {"-i"}, {"cat"}, "text").out == "text");
  CHECK(in_busybox(home, {}, {"cat"}, "text").out.empty());
}

TEST_CASE("variables come from the image, a file and the command line, the later the stronger") {
  const Home home;
  REQUIRE(home.run({"import", "-c", "ENV A=image B=image PATH=/bin:/usr/bin", busybox_layer(), "busybox"}).status == 0);
  kernel::create_file(home.path() + "/env", "A=file\nC=file\n# no\n");
  setenv("CORACLE_TEST_D", "ours", 1);
  const std::string env =
      output(home, {"--env-file", home.path() + "/env", "-e", "C=line", "-e", "CORACLE_TEST_D", "-h", "web"}, {"env"});
  unsetenv("CORACLE_TEST_D");
  for (const char* line : {"A=file\n", "B=image\n", "C=line\n", "CORACLE_TEST_D=ours\n", "HOSTNAME=web\n",
                           "HOME=/root\n", "PATH=/bin:/usr/bin\n"}) {
    INFO(line << " in " << env);
    CHECK(env.find(line) != std::string::npos);
  }
  CHECK(env.find("TERM=") == std::string::npos);
}

TEST_CASE("user, directory, host name and entry point are those that were asked for") {
  const BusyboxHome home;
  CHECK(output(home, {"-u", "www-data"}, {"id", "-un"}) == "www-data\n");
  CHECK(output(home, {"--user", "7:9"}, {"sh", "-c", "id -u; id -g"}) == "7\n9\n");
  CHECK(output(home, {"-w", "/made/for/it"}, {"pwd"}) == "/made/for/it\n");
  CHECK(output(home, {"--hostname", "web"}, {"hostname"}) == "web\n");
  CHECK(output(home, {"--entrypoint", "echo"}, {"a", "b"}) == "a b\n");
  CHECK(in_busybox(home, {"--entrypoint="}, {}).status == 125);
}

TEST_CASE("a program is process 1, with --init it is not") {
  const BusyboxHome home;
  CHECK(output(home, {}, {"sh", "-c", "echo $$"}) == "1\n");
  const auto running = waiting(home, {"--init"});
  CHECK(proc(running->child(), "comm") != "sleep\n");
  running->signal(SIGTERM);  // sleep has no handler: as process 1 it would live on
  CHECK(running->wait().status == 128 + SIGTERM);
}

TEST_CASE("limits stand in the container's cgroup") {
  const BusyboxHome home;
  const auto running = waiting(home, {"--memory", "64m", "--pids-limit", "20"});
  CHECK(proc(running->child(), "cgroup").find("/coracle-") != std::string::npos);
  end(*running);
  const Result fork_bomb =
      in_busybox(home, {"--pids-limit", "5"}, {"sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 9 & done; kill -9 1"});
  CHECK(fork_bomb.err.find("can't fork") != std::string::npos);
  const Result hog = in_busybox(home, {"-m", "16m"}, {"dd", "if=/dev/zero", "of=/dev/null", "bs=100M", "count=1"});
  CHECK(hog.status == 137);
  CHECK(hog.err.find("ran out of its memory") != std::string::npos);
}

TEST_CASE("a container may make the node of any device and open only those that it was given") {
  if (!kernel::exists("/dev/fuse")) SKIP_WITHOUT("/dev/fuse");
  const BusyboxHome home;
  const std::string script = "mknod /node c 10 229 && dd if=/node of=/dev/null count=0 && echo opened";
  const Result closed = in_busybox(home, {}, {"sh", "-c", script});
  CHECK(closed.err.find("can't open '/node': Operation not permitted") != std::string::npos);
  CHECK(closed.out.empty());
  CHECK(output(home, {"--device", "/dev/fuse:/dev/fuse:r"}, {"sh", "-c", script}) == "opened\n");
  CHECK(output(home, {"--privileged"}, {"sh", "-c", script}) == "opened\n");
  const Result written =
      in_busybox(home, {"--device", "/dev/fuse:/dev/fuse:r"}, {"sh", "-c", "dd if=/dev/null of=/dev/fuse"});
  CHECK(written.err.find("can't open '/dev/fuse': Operation not permitted") != std::string::npos);
}

TEST_CASE("a read-only root cannot be written to, and its volumes can") {
  const BusyboxHome home;
  const Result result = in_busybox(home, {"--read-only", "--tmpfs", "/t:size=1m", "-v", "data:/data"},
                                   {"sh", "-c", "touch /x; touch /t/x /data/x && echo good"});
  CHECK(result.out == "good\n");
  CHECK(result.err.find("Read-only file system") != std::string::npos);
  CHECK(kernel::exists(home.path() + "/volumes/data/_data/x"));
}

TEST_CASE("what a container writes to its root is gone with it, what it writes to a volume stays") {
  const BusyboxHome home;
  const std::string shared = home.path() + "/shared";
  CHECK(
      output(home, {"-v", shared + ":/s", "-v", "data:/d"}, {"sh", "-c", "echo 1 >/root/x; echo 2 >/s/x; echo 3 >/d/x"})
          .empty());
  CHECK(kernel::read_file(shared + "/x") == "2\n");
  CHECK(output(home, {"-v", "data:/d:ro"}, {"sh", "-c", "ls /root; cat /d/x; touch /d/y 2>/dev/null || echo ro"}) ==
        "3\nro\n");
  CHECK(nothing_left(home));
}

TEST_CASE("none has a loopback and nothing else, host is the host's own network") {
  const BusyboxHome home;
  CHECK(output(home, {}, {"sh", "-c", "ls /sys/class/net; cat /sys/class/net/lo/flags"}) == "lo\n0x9\n");
  utsname host{};
  REQUIRE(uname(&host) == 0);
  CHECK(output(home, {"--net", "host"}, {"hostname"}) == std::string(host.nodename) + "\n");
  const auto running = std::make_unique<Running>(
      home.command({"run", "--rm", "--network=host", "busybox", "sh", "-c", "echo ready; exec sleep 1000"}));
  running->read_until("ready\n");
  CHECK(namespace_of(running->child(), "net") == namespace_of(getpid(), "net"));
  end(*running);
  const Result missing = home.run({"run", "--rm", "--net", "moon", "busybox", "true"});
  CHECK(missing.status == 125);
  CHECK(missing.err.find("moon") != std::string::npos);
}

TEST_CASE("with none a container still knows localhost") {
  const BusyboxHome home;
  CHECK(output(home, {}, {"sh", "-c", "rm -f /etc/hosts 2>/dev/null; cat /etc/hosts"})
            .rfind("127.0.0.1\tlocalhost\n", 0) == 0);
}

TEST_CASE("with host a container has copies of the host's name files, and cannot change the host's") {
  const BusyboxHome home;
  const std::string hosts = kernel::read_file("/etc/hosts");
  CHECK(output(home, {"--net", "host"}, {"sh", "-c", "cat /etc/hosts; echo x >>/etc/hosts"}) == hosts);
  CHECK(kernel::read_file("/etc/hosts") == hosts);
}

TEST_CASE("a name is in use while its container runs, and free afterwards") {
  const BusyboxHome home;
  const auto running = waiting(home, {"--name", "web"});
  const Result second = in_busybox(home, {"--name", "web"}, {"true"});
  CHECK(second.status == 125);
  CHECK(second.err.find("already in use by container") != std::string::npos);
  end(*running);
  CHECK(in_busybox(home, {"--name", "web"}, {"true"}).status == 0);
}

TEST_CASE("signals reach the program, and the third request ends one that does not listen") {
  const BusyboxHome home;
  const auto listening =
      waiting(home, {}, "trap 'echo got it; exit 3' USR1; sh -c 'echo ready; exec sleep 1000' & wait; ");
  listening->signal(SIGUSR1);
  const Result result = listening->wait();
  CHECK(result.out.find("got it") != std::string::npos);
  CHECK(result.status == 3);

  const auto deaf = waiting(home, {}, "trap '' INT; ");
  for (int i = 0; i < 3; ++i) {
    deaf->signal(SIGINT);
    // One that is pending swallows the next of its kind.
    REQUIRE(
        eventually([&] { return proc(deaf->pid(), "status").find("ShdPnd:\t0000000000000000") != std::string::npos; }));
  }
  CHECK(deaf->wait().status == 137);
  CHECK(nothing_left(home));
}

TEST_CASE("a killed coracle takes its container along, and the next command clears up after it") {
  const BusyboxHome home;
  for (const Words& user : {Words{}, Words{"--user", "nobody"}}) {
    Words options = {"--name", "web", "--memory", "64m", "-v", "data:/d"};
    options.insert(options.end(), user.begin(), user.end());
    const auto running = waiting(home, options);
    const pid_t inside = running->child();
    running->signal(SIGKILL);
    running->wait();
    CHECK_FALSE(nothing_left(home));
    CHECK(home.run({"images"}).status == 0);
    CHECK(eventually([&] { return waitpid(inside, nullptr, WNOHANG) == inside; }));  // orphans come to us
    CHECK(nothing_left(home));
    CHECK(in_busybox(home, {"--name", "web"}, {"true"}).status == 0);
  }
}

TEST_CASE("twenty containers start at once, each with a name of its own") {
  const BusyboxHome home;
  std::vector<std::unique_ptr<Running>> all;
  for (int i = 0; i < 20; ++i) {
    const std::string number = std::to_string(i);
    all.push_back(std::make_unique<Running>(home.command({"run", "--rm", "--net", "none", "--name", "many-" + number,
                                                          "-e", "N=" + number, "busybox", "sh", "-c", "echo $N"})));
  }
  for (int i = 0; i < 20; ++i) {
    const Result result = all[static_cast<std::size_t>(i)]->wait();
    INFO(result.err);
    CHECK(result.status == 0);
    CHECK(result.out == std::to_string(i) + "\n");
  }
  CHECK(nothing_left(home));
}

TEST_CASE("a layer that somebody removed is named") {
  const BusyboxHome home;
  kernel::remove_tree(home.path() + "/layers/sha256");
  const Result result = in_busybox(home, {}, {"true"});
  CHECK(result.status == 125);
  CHECK(result.err.find("import the image again") != std::string::npos);
}

TEST_CASE("who is not root cannot use root's images") {
  const BusyboxHome home;
  const Result result = run({"setpriv", "--reuid", "65534", "--clear-groups", test::coracle(), "--root", home.path(),
                             "run", "--rm", "busybox", "true"});
  INFO(result.err);
  CHECK(result.status == 125);
  CHECK(result.err.find(home.path()) != std::string::npos);
  CHECK(result.err.find("CORACLE_ROOT") != std::string::npos);
  CHECK(result.err.find('\n') == result.err.size() - 1);
}

TEST_CASE("the timeline tells both sides of the start, as a table or a file") {
  const BusyboxHome home;
  const Result table = in_busybox(home, {"--timeline"}, {"true"});
  CHECK(table.status == 0);
  for (const char* word : {"parent", "child", "clone3", "mount overlay", "pivot_root", "execve"}) {
    INFO(word);
    CHECK(table.err.find(word) != std::string::npos);
  }
  CHECK(in_busybox(home, {"--timeline=" + home.path() + "/t.json"}, {"true"}).err.empty());
  CHECK(kernel::read_file(home.path() + "/t.json").find("\"traceEvents\"") != std::string::npos);
}

TEST_CASE("coracle needs less than 12 MiB") {
  const BusyboxHome home;
  const auto running = waiting(home, {});
  const std::string status = proc(running->pid(), "status");
  const std::size_t peak = status.find("VmHWM:");
  REQUIRE(peak != std::string::npos);
  CHECK(std::stol(status.substr(peak + 6)) < 12 * 1024);
  end(*running);
}
