// coracle diff, commit and export, from outside.
#include <csignal>

#include <fmt/format.h>

#include "e2e/home.hpp"
#include "kernel/inode.hpp"
#include "launch/launch.hpp"
#include "launch/run_directory.hpp"
#include "parts/cgroup.hpp"
#include "support/archive.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

// A container that has changed some files, and waits.
class Changed {
 public:
  Changed(const Home& home, const std::string& script = {})
      : running_(home.command({"run", "--rm", "--name", "box", "--net", "none", "-e", "A=1", "busybox", "sh", "-c",
                               script + "rm /etc/group; echo new >/srv; echo ready; exec sleep 60"})),
        home_(home) {
    running_.read_until("ready");
  }
  ~Changed() {
    home_.run({"kill", "box"});
    running_.wait();
  }

 private:
  Running running_;
  const Home& home_;
};

}  // namespace

TEST_CASE("diff lists what a container changed, and nothing that every start makes") {
  const BusyboxHome home;
  const Changed container(home);
  CHECK(home.run({"diff", "box"}).out == "C /etc\nD /etc/group\nA /srv\n");
  CHECK(home.run({"diff", "nobody"}).status == 125);
}

TEST_CASE("diff of a container that changed nothing is empty") {
  const BusyboxHome home;
  Running container(
      home.command({"run", "--rm", "--name", "box", "--net", "none", "busybox", "sh", "-c", "echo ready; cat"}));
  container.read_until("ready");
  CHECK(home.run({"diff", "box"}).out.empty());
  home.run({"kill", "box"});
  container.wait();
}

TEST_CASE("commit makes an image of a running container, which goes on, and the image runs as the container did") {
  const BusyboxHome home;
  std::string id;
  {
    const Changed container(home);
    const Result made = home.run({"commit", "-a", "me", "-m", "why", "-c", "LABEL a=b", "box", "team/new:1"});
    INFO(made.err);
    REQUIRE(made.status == 0);
    REQUIRE(made.out.size() == 72);
    CHECK(home.run({"exec", "box", "cat", "/srv"}).out == "new\n");
    id = made.out.substr(0, 71);
  }
  CHECK(home.run({"run", "--rm", "--net", "none", "team/new:1", "sh", "-c", "cat /srv; ls /etc; echo $A"}).out ==
        "new\nhosts\npasswd\n1\n");
  const std::string config = kernel::read_file(home.path() + "/blobs/sha256/" + id.substr(7));
  for (const char* part : {R"("author":"me")", R"("comment":"why")", R"("Labels":{"a":"b"})", R"("Cmd":["sh","-c",)",
                           R"("created_by":"sh -c rm /etc/group)"})
    CHECK(config.find(part) != std::string::npos);
}

TEST_CASE("commit without a name prints an id, and a container that is frozen stays so") {
  const BusyboxHome home;
  const Changed container(home);
  for (const char* pause : {"--pause=true", "--pause=false"}) {
    const Result made = home.run({"commit", pause, "box"});
    INFO(made.err);
    CHECK(made.err.empty());
    CHECK(home.run({"run", "--rm", "--net", "none", made.out.substr(7, 12), "cat", "/srv"}).out == "new\n");
  }
  CHECK(home.run({"commit", "--pause=maybe", "box"}).status == 125);
  CHECK(home.run({"commit", "box", "NAME"}).status == 125);
  CHECK(kernel::list(kernel::open(home.path() + "/tmp", O_RDONLY | O_DIRECTORY)).empty());
}

TEST_CASE("the same changes give the same image at SOURCE_DATE_EPOCH") {
  std::string ids[2];
  for (std::string& id : ids) {
    const Home home;
    Words import = home.command({"import", "-c", "CMD [\"sh\"]", busybox_layer(), "busybox"});
    import.insert(import.begin(), {"env", "SOURCE_DATE_EPOCH=1700000000"});
    REQUIRE(run(import).status == 0);
    const Changed container(home, "touch /b; mkdir /a; ");
    Words commit = home.command({"commit", "box"});
    commit.insert(commit.begin(), {"env", "SOURCE_DATE_EPOCH=1700000000"});
    id = run(commit).out;
  }
  CHECK(ids[0].size() == 72);
  CHECK(ids[0] == ids[1]);
}

TEST_CASE("export writes all that the container sees as one tar, and not to a terminal") {
  const BusyboxHome home;
  const TemporaryDirectory scratch;
  const Changed container(home);
  const std::string file = scratch.path() + "/all.tar";
  REQUIRE(home.run({"export", "-o", file, "box"}).status == 0);
  const std::string names = run({"bsdtar", "-tf", file}).out;
  for (const char* name : {"./\n", "bin/busybox\n", "srv\n", "etc/passwd\n"}) {
    INFO(name);
    CHECK(names.find(name) != std::string::npos);
  }
  CHECK(names.find("etc/group") == std::string::npos);
  CHECK(home.run({"export", "box"}).out == read_file(file));
  REQUIRE(home.run({"import", file, "flat"}).status == 0);
  CHECK(home.run({"run", "--rm", "--net", "none", "flat", "cat", "/srv"}).out == "new\n");
  const Result terminal =
      run({"script", "-qec", test::coracle() + " --root '" + home.path() + "' export box", "/dev/null"});
  CHECK(terminal.out.find("export to a terminal") != std::string::npos);
  CHECK(home.run({"export", "-o", scratch.path() + "/none.tar", "nobody"}).status == 125);
  CHECK(kernel::list(kernel::open(scratch.path(), O_RDONLY | O_DIRECTORY)) == std::vector<std::string>{"all.tar"});
  // What is no file is written to, and what lies beside is not touched.
  REQUIRE(mkfifo((scratch.path() + "/fifo").c_str(), 0600) == 0);
  write_file(file + ".partial", "mine");
  const Result piped =
      run({"sh", "-c",
           fmt::format("'{0}' --root '{1}' export -o '{2}/fifo' box & timeout 20 cat '{2}/fifo'; wait $!",
                       test::coracle(), home.path(), scratch.path())});
  CHECK(piped.status == 0);
  CHECK(piped.out == read_file(file));
  REQUIRE(home.run({"export", "-o", file, "box"}).status == 0);
  CHECK(read_file(file + ".partial") == "mine");
}

TEST_CASE("a container whose commit is killed does not stand still for ever") {
  const BusyboxHome home;
  const Changed container(home, "head -c 50000000 /dev/urandom >/big; ");
  const std::string run_root = launch::default_run_root();
  const std::string run_dir = run_root + "/" + launch::RunDirectory::ids(run_root).at(0);
  Running commit(home.command({"commit", "box"}));
  REQUIRE(eventually([&] { return parts::is_frozen(run_dir); }));
  commit.signal(SIGKILL);
  CHECK(commit.wait().status == 128 + SIGKILL);
  CHECK(eventually([&] { return !parts::is_frozen(run_dir); }));
  CHECK(home.run({"exec", "box", "cat", "/srv"}).out == "new\n");
}
