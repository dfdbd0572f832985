// Lesson 1 from outside: exit statuses, signals, and what is left when somebody is killed.
#include <csignal>
#include <fstream>

#include <unistd.h>

#include "kernel/process.hpp"
#include "support/support.hpp"

using namespace coracle::test;

namespace {
const std::string program = lesson("01-process");
}

TEST_CASE("the exit status of the program is ours") {
  CHECK(run({program, "true"}).status == 0);
  CHECK(run({program, "sh", "-c", "exit 7"}).status == 7);
  CHECK(run({program, "sh", "-c", "exit 255"}).status == 255);
}

TEST_CASE("a program killed by signal n gives 128+n") {
  for (const int number : {SIGTERM, SIGKILL, SIGSEGV}) {
    CHECK(run({program, "sh", "-c", "kill -" + std::to_string(number) + " $$"}).status == 128 + number);
  }
}

TEST_CASE("a missing program is 127 and a file that cannot be executed is 126, each with one line that says why") {
  const Result missing = run({program, "no-such-program"});
  CHECK(missing.status == 127);
  CHECK(missing.err.find("no-such-program") != std::string::npos);
  CHECK(missing.err.find("ENOENT") != std::string::npos);
  const Result unusable = run({program, "/etc/passwd"});
  CHECK(unusable.status == 126);
  CHECK(unusable.err.find("EACCES") != std::string::npos);
  const Result directory = run({program, "/etc"});
  CHECK(directory.status == 126);
  const TemporaryDirectory scratch;
  const std::string script = scratch.path() + "/script";
  std::ofstream(script) << "#!/no/such/interpreter\n";
  REQUIRE(chmod(script.c_str(), 0755) == 0);
  const Result interpreter = run({program, script});
  CHECK(interpreter.status == 127);
  CHECK(interpreter.err.find("interpreter") != std::string::npos);
  for (const Result& result : {missing, unusable, directory, interpreter}) {
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  }
}

TEST_CASE("signals sent to us reach the program") {
  for (const char* name : {"TERM", "INT", "HUP", "USR1", "USR2", "QUIT"}) {
    INFO(name);
    Running running({program, "sh", "-c", std::string("trap 'exit 42' ") + name + "; echo ready; while :; do :; done"});
    running.read_until("ready\n");
    running.signal(*coracle::kernel::signal_number(name));
    CHECK(running.wait().status == 42);
  }
}

TEST_CASE("the program gets default signal actions and an empty mask, whatever we had") {
  Running running({"sh", "-c", "trap '' TERM USR1; exec " + program + " grep -E \"Sig(Blk|Ign)\" /proc/self/status"});
  const Result result = running.wait();
  CHECK(result.out == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_CASE("the third request to end is a SIGKILL for a program that ignores the first two") {
  Running running({program, "sh", "-c", "trap '' TERM INT QUIT; echo ready; while :; do :; done"});
  running.read_until("ready\n");
  const pid_t inside = running.child();
  for (const int number : {SIGTERM, SIGINT, SIGQUIT}) running.signal(number);
  CHECK(running.wait().status == 137);
  CHECK(!coracle::kernel::exists("/proc/" + std::to_string(inside)));
}

TEST_CASE("the program dies with us when we are killed") {
  Running running({program, "sh", "-c", "echo ready; exec sleep 1000"});
  running.read_until("ready\n");
  const pid_t inside = running.child();
  running.signal(SIGKILL);
  CHECK(running.wait().status == 137);
  CHECK(eventually([&] { return !coracle::kernel::exists("/proc/" + std::to_string(inside) + "/exe"); }));
  CHECK(run({program, "true"}).status == 0);  // the next start sweeps the run directory; the leak check looks
}

TEST_CASE("descriptors that we were started with do not reach the program") {
  const Result result = run({"sh", "-c", "exec 7</etc/passwd; exec " + program + " ls /proc/self/fd"});
  CHECK(result.out.find("7\n") == std::string::npos);
  CHECK(result.out.rfind("0\n1\n2\n", 0) == 0);
}

TEST_CASE("a caller that ignores SIGCHLD still gets the exit status") {
  CHECK(run({"sh", "-c", "trap '' CHLD; exec " + program + " sh -c 'exit 9'"}).status == 9);
}

TEST_CASE("the timeline knows every side of a start and writes what Perfetto and a browser open") {
  const Result table = run({program, "--timeline", "true"});
  for (const char* word : {"clone3", "execve", "waitid", "parent", "child"}) {
    INFO(word);
    CHECK(table.err.find(word) != std::string::npos);
  }
  const TemporaryDirectory scratch;
  CHECK(run({program, "--timeline=" + scratch.path() + "/t.json", "true"}).status == 0);
  CHECK(coracle::kernel::read_file(scratch.path() + "/t.json").rfind("{\"traceEvents\":[", 0) == 0);
  CHECK(run({program, "--timeline=" + scratch.path() + "/t.svg", "true"}).status == 0);
  CHECK(coracle::kernel::read_file(scratch.path() + "/t.svg").rfind("<svg ", 0) == 0);
  CHECK(run({program, "--timeline=" + scratch.path() + "/t.txt", "true"}).status == 125);
}
