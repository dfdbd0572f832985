// Containers over time: created, started, watched, stopped, removed by commands that come and go.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include <fmt/format.h>
#include <sys/mount.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "e2e/home.hpp"
#include "engine/records.hpp"
#include "kernel/error.hpp"
#include "kernel/inode.hpp"
#include "kernel/process.hpp"
#include "support/at_terminal.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

// A data root whose containers are all removed at the end, so that a test that fails leaves nothing.
class LifeHome : public BusyboxHome {
 public:
  ~LifeHome() {
    const std::string directory = path() + "/containers";
    if (!kernel::exists(directory)) return;
    Words words{"rm", "-f"};
    for (std::string& id : kernel::list(kernel::open(directory, O_RDONLY | O_DIRECTORY))) words.push_back(id);
    if (words.size() > 2) run(words);
  }
  LifeHome() = default;
  LifeHome(const LifeHome&) = delete;
  LifeHome& operator=(const LifeHome&) = delete;

  // Starts one detached, and gives its id.
  std::string start(Words options, const std::string& script) const {
    Words words{"run", "-d", "--net", "none"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"busybox", "sh", "-c", script});
    const Result result = run(words);
    INFO(result.err);
    REQUIRE(result.status == 0);
    REQUIRE(result.out.size() == 13);
    return result.out.substr(0, 12);
  }

  std::string logs(const std::string& name) const { return run({"logs", name}).out; }

  std::vector<std::string> directories() const {
    return kernel::list(kernel::open(path() + "/containers", O_RDONLY | O_DIRECTORY));
  }

  // The process that looks after the container, as the kernel shows it.
  pid_t supervisor(const std::string& id) const {
    const std::string words = std::string("supervise") + '\0' + id + '\0';
    for (const std::string& entry : kernel::list(kernel::open("/proc", O_RDONLY | O_DIRECTORY))) {
      if (entry.find_first_not_of("0123456789") != std::string::npos) continue;
      try {
        if (kernel::read_file("/proc/" + entry + "/cmdline").find(words) != std::string::npos) return std::stoi(entry);
      } catch (const kernel::Error&) {
        // It has just ended.
      }
    }
    return 0;
  }
};

std::string line(const std::string& text) { return text + "\n"; }

}  // namespace

TEST_CASE("run -d comes back at once, and the container goes on, is logged, entered and stopped") {
  const LifeHome home;
  const std::string id = home.start({"--name", "boat"},
                                    "trap 'echo bye; exit 7' TERM; echo out; echo err >&2; "
                                    "while :; do sleep 0.01; done");
  CHECK(eventually([&] { return home.logs("boat") == "out\n"; }));
  CHECK(home.run({"logs", "boat"}).err == "err\n");
  CHECK(home.run({"exec", "boat", "hostname"}).out == line(id));
  CHECK(home.supervisor(id) > 0);
  CHECK(home.run({"rm", "boat"}).status == 1);
  CHECK(home.run({"stop", "boat"}).out == "boat\n");
  CHECK(home.supervisor(id) == 0);
  CHECK(home.run({"wait", "boat"}).out == "7\n");
  CHECK(home.logs("boat") == "out\nbye\n");
  CHECK(home.run({"exec", "boat", "true"}).status != 0);
  CHECK(home.run({"rm", "boat"}).out == "boat\n");
  CHECK(home.directories().empty());
}

TEST_CASE("what a container changed is there when it is started again") {
  const LifeHome home;
  home.start({"--name", "boat"}, "cat /mark 2>/dev/null; echo there >/mark");
  CHECK(home.run({"wait", "boat"}).out == "0\n");
  CHECK(home.run({"start", "-a", "boat"}).out == "there\n");
  CHECK(home.logs("boat") == "there\n");
  CHECK(home.run({"run", "--name", "fore", "--net", "none", "busybox", "sh", "-c", "echo x >/mark; exit 4"}).status ==
        4);
  CHECK(home.run({"wait", "fore"}).out == "4\n");
  CHECK(home.run({"run", "--name", "fore", "busybox", "true"}).status == 125);
  CHECK(home.directories().size() == 2);
  CHECK(home.run({"rm", "boat", "fore"}).status == 0);
  CHECK(home.run({"run", "--rm", "--name", "fore", "--net", "none", "busybox", "true"}).status == 0);
  CHECK(home.directories().empty());
}

TEST_CASE("a container is created, started once, and attended") {
  const LifeHome home;
  const Result made = home.run({"create", "-i", "--name", "boat", "--net", "none", "busybox", "sh", "-c",
                                "read word; echo got $word; echo err >&2; exit 3"});
  CHECK(made.status == 0);
  CHECK(home.run({"exec", "boat", "true"}).status != 0);
  const Result attended = home.run({"start", "-ai", "boat"}, "hello\n");
  CHECK(attended.out == "got hello\n");
  CHECK(attended.err == "err\n");
  CHECK(attended.status == 3);
  CHECK(home.logs("boat") == "got hello\n");
}

TEST_CASE("attach shows what comes, passes on what is typed, and leaves the container running") {
  const LifeHome home;
  home.start({"-i", "--name", "boat"}, "while read word; do echo got $word; done");
  Running client(home.command({"attach", "boat"}));
  client.write("one\n");
  client.read_until("got one\n");
  Running other(home.command({"attach", "boat"}));
  other.write("two\n");
  other.read_until("got two\n");
  client.read_until("got two\n");
  client.close_input();  // somebody else may type: that ends nothing
  other.signal(SIGKILL);
  other.wait();
  home.run({"kill", "boat"});
  CHECK(client.wait().status == 137);
}

TEST_CASE("attach to a terminal has its size and its detach keys") {
  const LifeHome home;
  const Result made = home.run({"run", "-dit", "--name", "boat", "--net", "none", "busybox", "sh"});
  REQUIRE(made.status == 0);
  AtTerminal person(home.command({"attach", "boat"}), 33, 77);
  REQUIRE(eventually([&] { return person.is_raw(); }));
  person.type("stty size\n");
  person.read_until("33 77");
  person.type("\x10\x11");
  CHECK(person.wait() == 0);
  CHECK(home.logs("boat").find("33 77") != std::string::npos);
  CHECK(home.run({"exec", "boat", "true"}).status == 0);
}

TEST_CASE("the restart policy starts it again, so often as it says, and not what a person stopped") {
  const LifeHome home;
  home.start({"--name", "twice", "--restart", "on-failure:2"}, "echo run; exit 3");
  CHECK(home.run({"wait", "twice"}).out == "3\n");
  CHECK(home.logs("twice") == "run\nrun\nrun\n");
  home.start({"--name", "ever", "--restart", "always"}, "echo run; exec sleep 1000");
  CHECK(home.run({"exec", "ever", "kill", "-9", "1"}).status != 125);
  home.start({"--name", "again", "--restart", "unless-stopped"}, "echo run; exit 0");
  CHECK(eventually([&] { return home.logs("again").size() > 8; }));
  CHECK(home.run({"stop", "again", "-t", "1"}).status == 0);
  CHECK(home.run({"stop", "-t", "0", "ever"}).status == 0);
  CHECK(home.run({"rm", "again", "ever"}).status == 0);
}

TEST_CASE("a program that ignores being asked is killed when its time is up") {
  const LifeHome home;
  home.start({"--name", "deaf", "--stop-timeout", "0"}, "trap '' TERM; while :; do sleep 0.01; done");
  CHECK(home.run({"stop", "deaf"}).status == 0);
  CHECK(home.run({"wait", "deaf"}).out == "137\n");
  home.start({"--name", "other", "--stop-signal", "USR1"}, "trap 'exit 9' USR1; while :; do sleep 0.01; done");
  REQUIRE(eventually([&] { return home.run({"exec", "other", "true"}).status == 0; }));
  CHECK(home.run({"stop", "other"}).status == 0);
  CHECK(home.run({"wait", "other"}).out == "9\n");
}

TEST_CASE("a paused container stands still, and can be stopped") {
  const LifeHome home;
  home.start({"--name", "boat"}, "i=0; while :; do i=$((i+1)); echo $i >/count; done");
  const auto count = [&] {
    return kernel::read_file(home.path() + "/containers/" + home.directories().front() + "/upper/count");
  };
  REQUIRE(eventually(
      [&] { return kernel::exists(home.path() + "/containers/" + home.directories().front() + "/upper/count"); }));
  CHECK(home.run({"pause", "boat"}).out == "boat\n");
  CHECK(home.run({"pause", "boat"}).status == 1);
  const std::string before = count();
  CHECK(home.run({"attach", "boat"}).status != 0);
  CHECK(count() == before);
  CHECK(home.run({"unpause", "boat"}).out == "boat\n");
  CHECK(eventually([&] { return count() != before; }));
  CHECK(home.run({"pause", "boat"}).status == 0);
  CHECK(home.run({"stop", "-t", "0", "boat"}).status == 0);
}

TEST_CASE("a start that fails says why, and leaves a container that can be looked at") {
  const LifeHome home;
  const Result missing = home.run({"run", "-d", "--name", "boat", "--net", "none", "busybox", "/no/such"});
  CHECK(missing.status == 127);
  CHECK(missing.err.find("/no/such: ENOENT") != std::string::npos);
  CHECK(home.directories().size() == 1);
  CHECK(home.run({"start", "boat"}).status == 1);
  CHECK(home.run({"rm", "boat"}).status == 0);
  CHECK(home.run({"run", "-d", "--rm", "--net", "none", "busybox", "/no/such"}).status == 127);
  CHECK(home.directories().empty());
}

TEST_CASE("a container whose supervisor was killed goes on, and the next command ends it cleanly") {
  const LifeHome home;
  const std::string id = home.start({"--name", "boat"}, "sleep 1000");
  const pid_t supervisor = home.supervisor(id);
  REQUIRE(supervisor > 0);
  const kernel::Fd pidfd = kernel::pidfd_open(supervisor);
  kernel::send_signal(pidfd, SIGKILL);
  REQUIRE(eventually([&] { return home.supervisor(id) == 0; }));
  CHECK(home.run({"exec", "boat", "true"}).status == 0);
  CHECK(home.run({"stop", "boat"}).status == 0);
  CHECK(home.run({"wait", "boat"}).out == "255\n");
  CHECK(home.run({"start", "boat"}).status == 0);
  CHECK(home.run({"rm", "-f", "boat"}).status == 0);
}

TEST_CASE("a supervisor that stands still does not keep a container from being removed") {
  const LifeHome home;
  const std::string id = home.start({"--name", "boat"}, "sleep 1000");
  const kernel::Fd pidfd = kernel::pidfd_open(home.supervisor(id));
  kernel::send_signal(pidfd, SIGSTOP);
  CHECK(home.run({"rm", "-f", "boat"}).status == 0);
  CHECK(home.directories().empty());
}

TEST_CASE("one of forty that want a name has it, and thirty that remove it all succeed") {
  const LifeHome home;
  std::vector<std::unique_ptr<Running>> creates;
  for (int i = 0; i < 40; ++i) {
    creates.push_back(
        std::make_unique<Running>(home.command({"create", "--name", "boat", "--net", "none", "busybox"})));
  }
  int made = 0;
  for (const auto& one : creates) {
    const Result result = one->wait();
    made += result.status == 0 ? 1 : 0;
    if (result.status != 0) CHECK(result.err.find("already in use") != std::string::npos);
  }
  CHECK(made == 1);
  CHECK(home.run({"start", "boat"}).status == 0);
  std::vector<std::unique_ptr<Running>> removals;
  for (int i = 0; i < 30; ++i) removals.push_back(std::make_unique<Running>(home.command({"rm", "-f", "boat"})));
  for (const auto& one : removals) {
    const Result result = one->wait();
    INFO(result.err);
    CHECK(result.status == 0);
  }
  CHECK(home.directories().empty());
}

TEST_CASE("the log has docker's form, is turned over, and is followed") {
  const LifeHome home;
  const std::string id = home.start({"--name", "boat", "--log-opt", "max-size=1k", "--log-opt", "max-file=2"},
                                    "i=0; while [ $i -lt 100 ]; do echo line $i; i=$((i+1)); done; printf end");
  CHECK(home.run({"wait", "boat"}).out == "0\n");
  const std::string file = home.path() + "/containers/" + id + "/" + id + "-json.log";
  CHECK(kernel::exists(file + ".1"));
  CHECK(!kernel::exists(file + ".2"));
  for (const char* part : {"", ".1"}) CHECK(kernel::read_file(file + part).size() <= 1000);
  std::ifstream lines(file);
  std::string text;
  while (std::getline(lines, text)) {
    const auto entry = nlohmann::json::parse(text);
    CHECK(entry.size() == 3);
    CHECK(entry["stream"] == "stdout");
    CHECK(entry["time"].get<std::string>().size() == 30);
  }
  CHECK(home.run({"logs", "-n", "2", "boat"}).out == "line 99\nend");
  CHECK(home.run({"logs", "--since", "1h", "-n", "1", "boat"}).out == "end");
  CHECK(home.run({"logs", "--until", "1h", "boat"}).out.empty());

  home.start({"--name", "talks"}, "echo one; sleep 0.2; echo two");
  const Result followed = home.run({"logs", "-f", "talks"});
  CHECK(followed.out == "one\ntwo\n");
}

TEST_CASE("a container is renamed, and its limits are changed while it runs") {
  const LifeHome home;
  const std::string id = home.start({"--name", "boat"}, "sleep 1000");
  CHECK(home.run({"rename", "boat", "ship"}).status == 0);
  CHECK(home.run({"exec", "boat", "true"}).status != 0);
  CHECK(home.run({"exec", "ship", "hostname"}).out == line(id));
  CHECK(home.run({"update", "ship"}).status == 125);
  CHECK(home.run({"rm", "-f", "ship"}).status == 0);
  home.start({"--name", "boat", "--pids-limit", "50"}, "sleep 1000");
  CHECK(home.run({"update", "--pids-limit", "2", "boat"}).status == 0);
  CHECK(home.run({"exec", "boat", "sh", "-c", "true | true | true"}).status != 0);
}

TEST_CASE("a health check finds out whether a container works, and when it does no more") {
  const LifeHome home;
  const std::string id = home.start({"--name", "boat", "--health-cmd", "echo seen; test -e /well", "--health-interval",
                                     "20ms", "--health-retries", "2"},
                                    "touch /well; exec sleep 1000");
  image::Database database(home.path());
  const auto health = [&] {
    const auto json = nlohmann::json::parse(engine::Records(database).find(id)->life.health, nullptr, false);
    return json.is_object() ? json : nlohmann::json{{"Status", ""}};
  };
  CHECK(eventually([&] { return health()["Status"] == "healthy"; }));
  CHECK(health()["Log"][0]["Output"] == "seen\n");
  CHECK(health()["Log"][0]["ExitCode"] == 0);
  CHECK(home.run({"exec", "boat", "rm", "/well"}).status == 0);
  CHECK(eventually([&] { return health()["Status"] == "unhealthy"; }));
  CHECK(health()["FailingStreak"].get<int>() >= 2);
  CHECK(health()["Log"].size() <= 5);
  CHECK(home.run({"stop", "-t", "0", "boat"}).status == 0);
}

TEST_CASE("after the machine came up again, the policies say who is started") {
  const LifeHome home;
  home.start({"--name", "always", "--restart", "always"}, "echo run; exec sleep 1000");
  home.start({"--name", "never"}, "echo run; exec sleep 1000");
  CHECK(home.run({"stop", "-t", "0", "always", "never"}).status == 0);
  CHECK(home.run({"system", "restart"}).out == "always\n");
  CHECK(eventually([&] { return home.logs("always") == "run\nrun\n"; }));
  CHECK(home.logs("never") == "run\n");
}

TEST_CASE("a full disk blocks no container, and the log says how many lines are missing") {
  const LifeHome home;
  const std::string containers = home.path() + "/containers";
  kernel::make_directories(containers, 0700);
  REQUIRE(mount("tmpfs", containers.c_str(), "tmpfs", 0, "size=400k") == 0);
  kernel::create_file(containers + "/filler", std::string(100'000, 'x'));
  home.start({"--name", "boat"}, "seq 1 20000; while ! test -e /tmp/go; do sleep 0.01; done; echo after");
  const auto log = [&] { return home.logs("boat"); };
  CHECK(eventually([&] { return home.run({"exec", "boat", "pidof", "seq"}).status == 1; }));
  REQUIRE(unlink((containers + "/filler").c_str()) == 0);
  REQUIRE(home.run({"exec", "boat", "touch", "/tmp/go"}).status == 0);
  CHECK(home.run({"wait", "boat"}).out == "0\n");
  const std::string there = log();
  CHECK(there.ends_with("after\n"));
  const std::string missing = home.run({"logs", "boat"}).err;
  INFO(missing);
  long lost = 0;
  std::istringstream lines(missing);
  for (std::string text; std::getline(lines, text);) {
    long count = 0;
    REQUIRE(std::sscanf(text.c_str(), "coracle: %ld lines are missing here", &count) == 1);
    lost += count;
  }
  CHECK(lost > 0);
  CHECK(std::count(there.begin(), there.end(), '\n') + lost == 20'001);
  CHECK(home.run({"rm", "boat"}).status == 0);
  REQUIRE(umount2(containers.c_str(), MNT_DETACH) == 0);
}

TEST_CASE("a hundred containers start at once, each with its own log, and go at once") {
  const LifeHome home;
  std::vector<std::unique_ptr<Running>> starts;
  for (int i = 0; i < 100; ++i) {
    const std::string name = "box-" + std::to_string(i);
    starts.push_back(std::make_unique<Running>(home.command(
        {"run", "-d", "--net", "none", "--name", name, "busybox", "sh", "-c", "echo " + name + "; exec sleep 1000"})));
  }
  for (const auto& one : starts) {
    const Result result = one->wait();
    INFO(result.err);
    CHECK(result.status == 0);
  }
  CHECK(home.directories().size() == 100);
  Words words{"rm", "-f"};
  for (int i = 0; i < 100; ++i) {
    const std::string name = "box-" + std::to_string(i);
    CHECK(eventually([&] { return home.logs(name) == line(name); }));
    words.push_back(name);
  }
  const Result removed = home.run(words);
  INFO(removed.err);
  CHECK(removed.status == 0);
  CHECK(home.directories().empty());
}

TEST_CASE("a reader that does not read holds up nobody") {
  const LifeHome home;
  home.start({"-i", "--name", "boat"}, "read x; seq 1 400000; echo end; exec sleep 1000");
  Running client(home.command({"attach", "boat"}));
  client.write("go\n");
  CHECK(eventually([&] { return home.run({"logs", "-n", "1", "boat"}).out == "end\n"; }));
  const std::string all = home.logs("boat");
  CHECK(std::count(all.begin(), all.end(), '\n') == 400'001);
  client.signal(SIGKILL);
  client.wait();
}

TEST_CASE("whoever is killed, and whenever: every container has its record, and every record its container") {
  const LifeHome home;
  image::Database database(home.path());
  const auto killed_after = [&](const Words& words, int microseconds) {
    Running client(home.command(words));
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));  // the moment is what is tried here
    client.signal(SIGKILL);
    client.wait();
  };
  const auto whole = [&] {
    std::vector<std::string> records;
    for (const engine::Record& record : engine::Records(database).all()) records.push_back(record.id);
    std::vector<std::string> directories = home.directories();
    std::sort(records.begin(), records.end());
    std::sort(directories.begin(), directories.end());
    return records == directories;
  };
  for (int i = 0; i < 40; ++i) {
    const std::string name = "box-" + std::to_string(i);
    killed_after({"run", "-d", "--net", "none", "--name", name, "busybox", "sleep", "1000"}, i * 400);
    killed_after({i % 2 == 0 ? "stop" : "rm", i % 2 == 0 ? "-t0" : "-f", name}, i * 100);
  }
  for (const std::string& id : home.directories()) {
    if (const pid_t supervisor = home.supervisor(id)) kernel::send_signal(kernel::pidfd_open(supervisor), SIGKILL);
  }
  // A supervisor that was killed in the middle of a start may have left a child that is about to end by itself.
  CHECK(eventually([&] { return home.run({"system", "df"}).status == 0 && whole(); }));
  Words words{"rm", "-f"};
  for (const std::string& id : home.directories()) words.push_back(id);
  if (words.size() > 2) {
    const Result removed = home.run(words);
    INFO(removed.err);
    CHECK(removed.status == 0);
  }
  CHECK(home.directories().empty());
  CHECK(engine::Records(database).all().empty());
}
