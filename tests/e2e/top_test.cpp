// What running containers do, seen from outside: top, stats.
#include <csignal>
#include <sstream>

#include "e2e/home.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("top shows the processes of a container, in the columns of ps") {
  const BusyboxHome home;
  Running box(home.command({"run", "--rm", "-i", "--net", "none", "--name", "box", "busybox", "sh", "-c",
                            "sleep 1000 & echo up; cat; kill %1"}));
  box.read_until("up");
  Result plain;
  CHECK(eventually([&] {  // a shell forks before the fork becomes another program
    plain = home.run({"top", "box"});
    return contains(plain.out, " sleep 1000\n") && contains(plain.out, " cat\n");
  }));
  INFO(plain.err);
  CHECK(plain.status == 0);
  CHECK(plain.out.starts_with("UID                 PID                 PPID                C "));
  CHECK(contains(plain.out, "00:00:00            cat\n"));
  CHECK(std::count(plain.out.begin(), plain.out.end(), '\n') == 4);
  // Its numbers are the host's.
  std::istringstream pids(home.run({"top", "box", "-o", "pid=,comm"}).out);
  std::string line;
  std::getline(pids, line);
  while (std::getline(pids, line)) CHECK(kernel::exists("/proc/" + line.substr(0, line.find(' ')) + "/stat"));
  CHECK(contains(home.run({"container", "top", "box", "aux"}).out, "%CPU"));
  CHECK(home.run({"top", "box", "-eo", "user,nlwp,args"})
            .out.starts_with("USER                NLWP                COMMAND\n"));
  const Result bad = home.run({"top", "box", "-o", "moon"});
  CHECK(bad.status == 1);
  CHECK(contains(bad.err, "\"moon\""));
  CHECK(home.run({"top", "box", "--forest"}).status == 1);
  box.close_input();
  box.wait();
  const Result gone = home.run({"top", "box"});
  CHECK(gone.status == 1);
  CHECK(gone.out.empty());
}
