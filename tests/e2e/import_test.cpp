// coracle import and coracle images, from outside.
#include <csignal>

#include <sys/stat.h>

#include "e2e/home.hpp"
#include "kernel/inode.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

Words entries(const std::string& directory) { return kernel::list(kernel::open(directory, O_RDONLY | O_DIRECTORY)); }

void check_empty(const Home& home) {
  for (const char* folder : {"/layers/sha256", "/blobs/sha256", "/tmp"}) {
    INFO(folder);
    CHECK(entries(home.path() + folder).empty());
  }
}

// Five small files, then one that takes long to write.
std::string slow_archive(const std::string& directory) {
  const std::string path = directory + "/slow.tar.gz";
  const Result made = run({"sh", "-c",
                           "cd '" + directory +
                               "' && mkdir -p d && for i in 1 2 3 4 5; do echo $i >d/$i; done && "
                               "dd if=/dev/zero of=d/z bs=1M count=300 2>&1 && tar -czf slow.tar.gz d && rm -r d"});
  INFO(made.out << made.err);
  REQUIRE(made.status == 0);
  return path;
}

}  // namespace

TEST_CASE("import prints the image's id and images shows it as docker does") {
  const Home home;
  const Result result = home.run({"import", "-c", "ENV A=1", "--change=CMD [\"sh\"]", busybox_layer(), "team/box:1.0"});
  INFO(result.err);
  REQUIRE(result.status == 0);
  REQUIRE(result.out.size() == 72);
  const std::string id = result.out.substr(0, 71);

  CHECK(home.run({"images", "-q"}).out == id.substr(7, 12) + "\n");
  CHECK(home.run({"images", "-q", "--no-trunc"}).out == id + "\n");
  const std::string table = home.run({"images"}).out;
  CHECK(table.rfind("REPOSITORY   TAG       IMAGE ID       CREATED", 0) == 0);
  CHECK(table.find("\nteam/box     1.0       " + id.substr(7, 12) + "   ") != std::string::npos);
  CHECK(table.find("MB\n") != std::string::npos);
  CHECK(home.run({"run", "--rm", "--net", "none", id.substr(7, 6), "sh", "-c", "echo $A"}).out == "1\n");
}

TEST_CASE("each archive is a layer, the last one on top") {
  const Home home;
  const TemporaryDirectory scratch;
  const std::string top = scratch.path() + "/top.tar";
  const Result made = run(
      {"sh", "-c",
       "cd '" + scratch.path() + "' && mkdir etc && echo top >etc/motd && : >etc/.wh.group && tar -cf top.tar etc"});
  REQUIRE(made.status == 0);
  REQUIRE(home.run({"import", busybox_layer(), top, "two"}).status == 0);
  CHECK(home.run({"run", "--rm", "--net", "none", "two", "cat", "/etc/motd"}).out == "top\n");
  CHECK(home.run({"run", "--rm", "--net", "none", "two", "ls", "/etc/group"}).status == 1);
  CHECK(entries(home.path() + "/layers/sha256").size() == 2);
}

TEST_CASE("what is no archive is refused in one line, and nothing is left") {
  const Home home;
  const TemporaryDirectory scratch;
  const std::string whole = kernel::read_file(busybox_layer(), 64U << 20U);
  const std::string path = scratch.path() + "/bad.tar.gz";
  const auto refuse = [&](const std::string& content) {
    kernel::create_file(path, content);
    const Result result = home.run({"import", busybox_layer(), path, "bad"});
    INFO(result.err);
    CHECK(result.status == 125);
    CHECK(result.out.empty());
    CHECK(result.err.find(path) != std::string::npos);
    CHECK(result.err.find('\n') == result.err.size() - 1);
    CHECK(home.run({"images", "-q"}).out.empty());
    check_empty(home);
  };
  SECTION("cut short") { refuse(whole.substr(0, whole.size() / 2)); }
  SECTION("damaged in the middle") {
    std::string damaged = whole;
    for (std::size_t i = 0; i < 64; ++i)
      damaged[whole.size() / 2 + i] = static_cast<char>(~damaged[whole.size() / 2 + i]);
    refuse(damaged);
  }
  SECTION("something else") { refuse("this is a letter, and no archive at all\n"); }
}

TEST_CASE("an archive that climbs out of its directory is refused, and nothing is written outside") {
  const Home home;
  const TemporaryDirectory scratch;
  const Result made =
      run({"sh", "-c", "cd '" + scratch.path() + "' && echo x >evil && mkdir d && tar -cPf e.tar -C d ../evil"});
  REQUIRE(made.status == 0);
  const Result result = home.run({"import", scratch.path() + "/e.tar", "evil"});
  INFO(result.err);
  CHECK(result.status == 125);
  check_empty(home);
}

TEST_CASE("Ctrl-C ends an import at once and leaves nothing") {
  const Home home;
  const TemporaryDirectory scratch;
  const std::string archive = slow_archive(scratch.path());
  for (const int signal : {SIGINT, SIGTERM}) {
    Running import(home.command({"import", archive, "slow"}));
    REQUIRE(eventually([&] { return kernel::exists(home.path() + "/tmp") && !entries(home.path() + "/tmp").empty(); }));
    import.signal(signal);
    const Result result = import.wait();
    INFO(result.err);
    CHECK(result.status == 128 + signal);
    CHECK(result.err.find("ended by SIG") != std::string::npos);
    check_empty(home);
  }
}

TEST_CASE("the next command clears away what a killed import left") {
  const Home home;
  const TemporaryDirectory scratch;
  Running import(home.command({"import", slow_archive(scratch.path()), "slow"}));
  REQUIRE(eventually([&] { return kernel::exists(home.path() + "/tmp") && !entries(home.path() + "/tmp").empty(); }));
  import.signal(SIGKILL);
  CHECK(import.wait().status == 128 + SIGKILL);
  REQUIRE_FALSE(entries(home.path() + "/tmp").empty());
  CHECK(home.run({"images", "-q"}).out.empty());
  check_empty(home);
}

TEST_CASE("a full disk is an error that says so, and leaves nothing") {
  const Home home;
  const TemporaryDirectory scratch;
  const Result result =
      run({"unshare", "-m", "sh", "-c",
           "mount -t tmpfs -o size=1m,mode=700 tmpfs '" + scratch.path() + "' && '" + test::coracle() + "' --root '" +
               scratch.path() + "' import '" + busybox_layer() + "' full; echo $?; find '" + scratch.path() +
               "/layers' '" + scratch.path() + "/tmp' -mindepth 1 ! -name sha256"});
  INFO(result.err);
  CHECK(result.out == "125\n");
  CHECK(result.err.find("ENOSPC (No space left on device)") != std::string::npos);
}

TEST_CASE("many imports of one archive at once keep its layer once") {
  const Home home;
  std::vector<std::unique_ptr<Running>> imports;
  for (int i = 0; i < 8; ++i) {
    imports.push_back(
        std::make_unique<Running>(home.command({"import", busybox_layer(), "image:" + std::to_string(i)})));
  }
  for (const auto& import : imports) {
    const Result result = import->wait();
    INFO(result.err);
    CHECK(result.status == 0);
  }
  CHECK(entries(home.path() + "/layers/sha256").size() == 1);
  CHECK(entries(home.path() + "/tmp").empty());
  const std::string table = home.run({"images"}).out;
  for (int i = 0; i < 8; ++i) CHECK(table.find("image        " + std::to_string(i) + " ") != std::string::npos);
}

TEST_CASE("the store keeps owners and setuid bits, and keeps other users out") {
  const BusyboxHome home;
  const TemporaryDirectory scratch;
  const Result made =
      run({"sh", "-c",
           "cd '" + scratch.path() +
               "' && mkdir bin && cp /bin/true bin/su && chown 0:33 bin/su && chmod 4750 bin/su && tar -cf s.tar bin"});
  REQUIRE(made.status == 0);
  REQUIRE(home.run({"import", busybox_layer(), scratch.path() + "/s.tar", "setuid"}).status == 0);
  CHECK(home.run({"run", "--rm", "--net", "none", "setuid", "stat", "-c", "%a %u %g", "/bin/su"}).out == "4750 0 33\n");
  const Result other =
      run({"setpriv", "--reuid", "65534", "--regid", "33", "--clear-groups", "find", home.path(), "-name", "su"});
  CHECK(other.out.empty());
}
