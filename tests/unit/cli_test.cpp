// The door `coracle`, as far as it can be seen without a container: words, tables, variables.
#include <cstdlib>
#include <sstream>

#include "cli/env.hpp"
#include "cli/options.hpp"
#include "cli/table.hpp"
#include "kernel/error.hpp"
#include "support/support.hpp"

using namespace coracle;
using kernel::Error;
using Words = std::vector<std::string>;

namespace {

test::Result run_coracle(Words words) {
  words.insert(words.begin(), test::coracle());
  return test::run(words);
}

// One line on stderr that holds all of the words, and the status of a failure of our own.
void check_refused(const Words& words, const Words& told) {
  const test::Result result = run_coracle(words);
  INFO(result.err);
  CHECK(result.status == 125);
  CHECK(result.out.empty());
  CHECK(result.err.rfind("coracle: ", 0) == 0);
  CHECK(result.err.find('\n') == result.err.size() - 1);
  for (const std::string& word : told) {
    INFO("should tell: " << word);
    CHECK(result.err.find(word) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("durations are told as docker tells them") {
  CHECK(cli::human_duration(0) == "Less than a second");
  CHECK(cli::human_duration(1) == "1 second");
  CHECK(cli::human_duration(59) == "59 seconds");
  CHECK(cli::human_duration(60) == "About a minute");
  CHECK(cli::human_duration(120) == "2 minutes");
  CHECK(cli::human_duration(3600) == "About an hour");
  CHECK(cli::human_duration(47 * 3600) == "47 hours");
  CHECK(cli::human_duration(48 * 3600) == "2 days");
  CHECK(cli::human_duration(14 * 86400) == "2 weeks");
  CHECK(cli::human_duration(60 * 86400) == "2 months");
  CHECK(cli::human_duration(730 * 86400) == "2 years");
}

TEST_CASE("sizes have three figures and powers of a thousand") {
  CHECK(cli::human_size(0) == "0B");
  CHECK(cli::human_size(999) == "999B");
  CHECK(cli::human_size(4'263'000) == "4.26MB");
  CHECK(cli::human_size(999'900) == "1MB");
  CHECK(cli::human_size(121'000'000) == "121MB");
}

TEST_CASE("columns of a table are ten wide and three apart at least") {
  CHECK(cli::format_table({{"REPOSITORY", "TAG", "SIZE"}, {"a", "latest", "1B"}}) ==
        "REPOSITORY   TAG       SIZE\n"
        "a            latest    1B\n");
}

TEST_CASE("a variable without a value is taken from our own environment") {
  setenv("CORACLE_TEST_VARIABLE", "x=y", 1);
  CHECK(cli::read_variable("CORACLE_TEST_VARIABLE") == "CORACLE_TEST_VARIABLE=x=y");
  unsetenv("CORACLE_TEST_VARIABLE");
  CHECK(cli::read_variable("CORACLE_TEST_VARIABLE") == "CORACLE_TEST_VARIABLE");
  CHECK(cli::read_variable("A=") == "A=");
  CHECK_THROWS_AS(cli::read_variable("=x"), Error);
  CHECK_THROWS_AS(cli::read_variable(""), Error);
}

TEST_CASE("a file of variables has one on each line, and quotes are part of it") {
  test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/env";
  kernel::create_file(path, "# comment\n\n  A=\"1 2\" \r\nNOT_THERE_AT_ALL\nB=#x\nC=");
  CHECK(cli::read_env_file(path) == Words{"A=\"1 2\" ", "B=#x", "C="});
  kernel::create_file(path, "A=1\nbad name=2\n");
  try {
    cli::read_env_file(path);
    FAIL("a blank in a name was taken");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("line 2") != std::string::npos);
  }
  CHECK_THROWS_AS(cli::read_env_file(directory.path() + "/missing"), Error);
}

namespace {

// Options of every kind, and what they were given.
struct Read {
  std::string name, env, timeline = "not given";
  bool rm = false, interactive = false;
  Words rest;

  explicit Read(Words words, bool anywhere = false) {
    cli::Options options("test", "", "");
    options.value('n', "name", "NAME", "", name);
    options.value('e', "env,--environment", "X", "", [&](const std::string& text) { env += "[" + text + "]"; });
    options.flag(0, "rm", "", rm);
    options.flag('i', "interactive", "", interactive);
    options.optional_value("timeline", "FILE", "", [&](const std::string& file) { timeline = file; });
    options.read(words, anywhere);
    rest = words;
  }
};

}  // namespace

TEST_CASE("options are read in all the ways in which docker reads them") {
  const Read read({"-n", "a", "-eA=1", "--env", "-C", "--env=", "--environment=[x,y]", "-ie", "D", "--rm", "--timeline",
                   "image", "-n", "b", "--name=", "--", "--rm=false"});
  CHECK(read.name == "a");
  CHECK(read.env == "[A=1][-C][][[x,y]][D]");
  CHECK(read.rm);
  CHECK(read.interactive);
  CHECK(read.timeline.empty());
  CHECK(read.rest == Words{"image", "-n", "b", "--name=", "--", "--rm=false"});
}

TEST_CASE("a later option wins, a flag can be taken back, and -- ends the options") {
  const Read read({"--name=a", "--name", "b", "--rm", "--rm=false", "--interactive=0", "--timeline=x.svg", "--", "-n"});
  CHECK(read.name == "b");
  CHECK_FALSE(read.rm);
  CHECK_FALSE(read.interactive);
  CHECK(read.timeline == "x.svg");
  CHECK(read.rest == Words{"-n"});
}

TEST_CASE("options may stand behind other words where that is allowed") {
  const Read read({"a", "-n", "x", "-", "b", "--", "-i"}, true);
  CHECK(read.name == "x");
  CHECK(read.rest == Words{"a", "-", "b", "-i"});
}

TEST_CASE("an option that is unknown or lacks its value is an error") {
  for (const Words& bad : {Words{"--nam"}, {"-x"}, {"-ix"}, {"--name"}, {"-n"}, {"-in"}, {"--rm=maybe"}, {"---"}}) {
    INFO(bad[0]);
    CHECK_THROWS_AS(Read(bad), Error);
  }
}

TEST_CASE("coracle tells its commands, each command its options") {
  const test::Result all = run_coracle({"--help"});
  CHECK(all.status == 0);
  for (const char* command : {"run", "images", "import", "doctor"}) CHECK(all.out.find(command) != std::string::npos);
  const test::Result run = run_coracle({"run", "--help"});
  CHECK(run.status == 0);
  for (const char* option : {"--rm",          "--name",
                             "--hostname",    "--env",
                             "--env-file",    "--workdir",
                             "--user",        "--entrypoint",
                             "--volume",      "--tmpfs",
                             "--read-only",   "--publish",
                             "--network",     "--memory",
                             "--cpus",        "--cpuset-cpus",
                             "--pids-limit",  "--init",
                             "--interactive", "--timeline",
                             "Limits",        "Usage: coracle run [OPTIONS] IMAGE [COMMAND] [ARG...]"}) {
    INFO(option);
    CHECK(run.out.find(option) != std::string::npos);
  }
  CHECK(run_coracle({"--version"}).out.rfind("coracle ", 0) == 0);
  CHECK(run_coracle({}).status == 125);
}

TEST_CASE("every command is told with an example, which its own help has as well") {
  std::istringstream lines(run_coracle({"--help"}).out);
  int commands = 0;
  std::string line;
  while (std::getline(lines, line)) {
    if (!line.starts_with("  ") || line[2] < 'a' || line[2] > 'z') continue;
    ++commands;
    const std::string name = line.substr(2, line.find("  ", 2) - 2);
    REQUIRE(std::getline(lines, line));
    const std::string example = line.substr(std::min(line.find_first_not_of(' '), line.size()));
    INFO(name << ": " << example);
    CHECK(example.starts_with("coracle " + name));
    Words words{name.substr(0, name.find(' ')), "--help"};
    if (name.find(' ') != std::string::npos) words.insert(words.begin() + 1, name.substr(name.find(' ') + 1));
    CHECK(run_coracle(words).out.find("Example: " + example + "\n") != std::string::npos);
  }
  CHECK(commands > 25);
}

TEST_CASE("a group tells its own commands, and containers and images are a group") {
  const std::string network = run_coracle({"network"}).out;
  CHECK(network.starts_with("Usage: coracle network COMMAND"));
  CHECK(network.find("\n  network create ") != std::string::npos);
  CHECK(network.find("\n  run ") == std::string::npos);
  for (const Words& words : {Words{"container", "run"}, {"container", "kill"}, {"image", "ls"}, {"image", "inspect"}}) {
    Words all = words;
    all.emplace_back("--help");
    CHECK(run_coracle(all).status == 0);
  }
  CHECK(run_coracle({"container", "fly"}).status == 125);
}

TEST_CASE("a word that is wrong is told with what was read, in one line") {
  check_refused({"fly"}, {"fly", "--help"});
  check_refused({"--fly", "run"}, {"--fly", "--help"});
  check_refused({"run"}, {"image", "--help"});
  check_refused({"run", "--fly", "busybox"}, {"--fly", "--help"});
  check_refused({"run", "--memory", "much", "busybox"}, {"memory", "much"});
  check_refused({"run", "--memory=64q", "busybox"}, {"64q"});
  check_refused({"run", "--cpus", "-1", "busybox"}, {"cpus", "-1"});
  check_refused({"run", "--pids-limit", "x", "busybox"}, {"pids", "x"});
  check_refused({"run", "-p", "99999:1", "busybox"}, {"99999"});
  check_refused({"run", "-v", "a:b:c:d", "busybox"}, {"a:b:c:d"});
  check_refused({"run", "--name"}, {"--name"});
  check_refused({"run", "-e", "=x", "busybox"}, {"=x"});
  check_refused({"run", "--env-file", "/nonexistent", "busybox"}, {"/nonexistent"});
  check_refused({"run", "--timeline=x.doc", "busybox"}, {"x.doc"});
  check_refused({"run", "--pull", "never", "not-there", "true"}, {"not-there", "coracle images"});
  check_refused({"run", "Not/There"}, {"Not/There", "lower case"});
  check_refused({"import", "x.tar"}, {"--help"});
  check_refused({"import", "/nonexistent.tar", "x"}, {"/nonexistent.tar"});
  check_refused({"import", "-c", "RUN x", "/nonexistent.tar", "x"}, {"RUN x"});
  check_refused({"--root", "relative", "images"}, {"relative", "absolute"});
}
