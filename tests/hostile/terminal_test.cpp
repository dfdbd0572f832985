// Terminals and exec against an image, and a container, that want more.
#include <csignal>

#include <fmt/format.h>
#include <unistd.h>

#include "e2e/home.hpp"
#include "support/archive.hpp"
#include "support/at_terminal.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Words run_words(const Home& home, const Words& options, const Words& command) {
  Words words = {"run", "--rm", "--net", "none"};
  words.insert(words.end(), options.begin(), options.end());
  words.push_back("busybox");
  words.insert(words.end(), command.begin(), command.end());
  return home.command(words);
}

}  // namespace

TEST_CASE("CVE-2025-52565: links that an image planted at /dev/pts, /dev/console and /dev/ptmx lead nowhere") {
  const Home home;
  const std::string canary = home.path() + "/canary";
  kernel::make_directories(canary);
  kernel::create_file(canary + "/file", "untouched");
  const std::string before = snapshot(canary);
  Tar tar;
  tar.directory("dev").symlink("dev/pts", canary).symlink("dev/console", "../proc/sys/kernel/core_pattern");
  tar.symlink("dev/ptmx", canary).file("etc/canary", "inside");
  write_file(home.path() + "/evil.tar", tar.bytes());
  REQUIRE(home.run({"import", busybox_layer(), home.path() + "/evil.tar", "busybox"}).status == 0);
  const Result result = run(
      run_words(home, {"-t"}, {"sh", "-c", "tty; stat -c '%F %t' /dev/console; cat /etc/canary; readlink /dev/ptmx"}));
  INFO(result.err);
  CHECK(result.out ==
        "/dev/pts/0\r\ncharacter special file 88\r\ninside"
        "pts/ptmx\r\n");
  CHECK(snapshot(canary) == before);
}

TEST_CASE("a terminal is refused where /dev is a volume with something else at its places") {
  const BusyboxHome home;
  const std::string dev = home.path() + "/dev";
  kernel::make_directories(dev + "/pts");
  kernel::create_file(home.path() + "/canary", "untouched");
  const auto terminal = [&] { return run(run_words(home, {"-t", "-v", dev + ":/dev"}, {"true"})); };
  const Result plain = terminal();
  CHECK(plain.status == 125);
  CHECK(contains(plain.err, "needs a devpts mounted there"));
  kernel::remove_tree(dev + "/pts");
  REQUIRE(symlink("/etc", (dev + "/pts").c_str()) == 0);
  const Result link = terminal();
  CHECK(link.status == 125);
  CHECK(contains(link.err, "ELOOP"));
  CHECK(kernel::read_file(home.path() + "/canary") == "untouched");
}

TEST_CASE("exec -t does not follow what a container put in the place of its devpts") {
  const BusyboxHome home;
  Running box(run_words(home, {"--privileged", "--name", "box"},
                        {"sh", "-c",
                         "umount /dev/console; umount /dev/pts; rmdir /dev/pts; mkdir /dev/fake; "
                         "ln -s fake /dev/pts; mkfifo /dev/fake/ptmx; echo ready; exec sleep 1000"}));
  box.read_until("ready");
  const Result result = home.run({"exec", "-t", "box", "true"});
  CHECK(result.status == 125);
  CHECK(contains(result.err, "ELOOP"));
  REQUIRE(home.run({"exec", "box", "sh", "-c", "rm /dev/pts; mv /dev/fake /dev/pts"}).status == 0);
  const Result fifo = home.run({"exec", "-t", "box", "true"});
  CHECK(fifo.status == 125);
  CHECK(contains(fifo.err, "needs a devpts mounted there"));
  REQUIRE(home.run({"kill", "box"}).status == 0);
  box.wait();
}

TEST_CASE("CVE-2017-5226: a container pushes no keys into our terminal, with a terminal of its own or without one") {
  const BusyboxHome home;
  const std::string command =
      fmt::format("{} --root {} run --net none -v {}:/push:ro", test::coracle(), home.path(), lesson("push"));
  for (const std::string options : {" -it", " -t", " -i", ""}) {
    INFO(options);
    AtTerminal person(
        {"sh", "-c", command + options + " busybox /push pushed; echo ended; read line; echo got: $line."});
    const std::string said = person.read_until("ended");
    CHECK(contains(said, options.find('t') != std::string::npos ? "pushed" : "there is no terminal"));
    person.type("typed\r");
    person.read_until("got: typed.");
    person.wait();
  }
}

TEST_CASE("CVE-2016-9962, CVE-2019-5736: a container that watches who joins it never gets at our executable or root") {
  const BusyboxHome home;
  kernel::create_file(home.path() + "/canary", "");
  const std::string watch =
      "echo ready; while :; do for p in /proc/[2-9] /proc/[1-9][0-9] /proc/[1-9][0-9][0-9]; do "
      "e=$(readlink $p/exe) && case $e in /bin/busybox|/memfd:*) ;; *) echo executable $e;; esac; "
      "for way in $p/root $p/cwd $p/fd/*; do test -e $way/../../../../../.." +
      home.path() + "/canary && echo way out $way; done; done; done";
  Running box(run_words(home, {"--name", "box"}, {"sh", "-c", watch + " 2>/dev/null"}));
  box.read_until("ready");
  for (int round = 0; round < 100; ++round) CHECK(home.run({"exec", "box", "true"}).status == 0);
  REQUIRE(home.run({"kill", "box"}).status == 0);
  CHECK(box.wait().out == "ready\n");
}

TEST_CASE("CVE-2019-5736: a container that may trace us gets our executable over a read-only mount alone") {
  const BusyboxHome home;
  const std::string prober = build("tests/keep_executable");
  Running box(run_words(home, {"--cap-add", "SYS_PTRACE", "-v", prober + ":/keep_executable:ro", "--name", "box"},
                        {"/keep_executable"}));
  box.read_until("ready");
  for (int round = 0; round < 100; ++round) CHECK(home.run({"exec", "box", "true"}).status == 0);
  REQUIRE(home.run({"kill", "box"}).status == 0);
  const std::string said = box.wait().out;
  CHECK(contains(said, "kept"));  // it was quick enough to see us at all
  CHECK(!contains(said, "writable"));
}

TEST_CASE("fifty programs that were left at their terminals wait there, and end with the container") {
  const BusyboxHome home;
  Running box(run_words(home, {"--name", "box"}, {"sh", "-c", "echo ready; exec sleep 1000"}));
  box.read_until("ready");
  for (int round = 0; round < 50; ++round) {
    AtTerminal person(home.command({"exec", "-it", "box", "sh", "-c", "echo here; read word; echo and gone"}));
    person.read_until("here");
    person.type("\x10\x11");
    REQUIRE(person.wait() == 0);
  }
  CHECK(home.run({"exec", "box", "sh", "-c", "ls /dev/pts | wc -l"}).out == "51\n");  // they wait, and ptmx
  REQUIRE(home.run({"kill", "box"}).status == 0);
  box.wait();
}
