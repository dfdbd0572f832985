// The files of a container that does not run: diff, export and commit.
#include "e2e/home.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("what a container has become is there after its end: diff, export, commit") {
  const BusyboxHome home;
  REQUIRE(home.run({"run", "--net", "none", "--name", "one", "-e", "KIND=box", "-w", "/srv", "busybox", "sh", "-c",
                    "echo made >/made; rm /etc/group"})
              .status == 0);
  const std::string changes = home.run({"diff", "one"}).out;
  INFO(changes);
  CHECK(contains(changes, "A /made\n"));
  CHECK(contains(changes, "D /etc/group\n"));
  const std::string names = run({"tar", "-t"}, home.run({"export", "one"}).out).out;
  CHECK(contains(names, "made\n"));
  CHECK(!contains(names, "etc/group\n"));
  const Result committed = home.run({"commit", "one", "become"});
  INFO(committed.err);
  REQUIRE(committed.status == 0);
  CHECK(home.run({"run", "--rm", "--net", "none", "become", "sh", "-c", "cat /made; pwd; echo $KIND"}).out ==
        "made\n/srv\nbox\n");
}

TEST_CASE("a container that was never started has no changes, and can be copied to") {
  const BusyboxHome home;
  REQUIRE(home.run({"create", "--net", "none", "--name", "one", "busybox", "cat", "/tmp/put"}).status == 0);
  CHECK(home.run({"diff", "one"}).out.empty());
  CHECK(home.run({"commit", "one", "same"}).status == 0);
  const std::string tar = run({"sh", "-c", "cd $(mktemp -d) && echo put >put && tar -c put && rm -r $PWD"}).out;
  const Result copied = home.run({"cp", "-", "one:/tmp"}, tar);
  INFO(copied.err);
  CHECK(copied.status == 0);
  CHECK(contains(home.run({"diff", "one"}).out, "A /tmp/put\n"));
  CHECK(home.run({"start", "-a", "one"}).out == "put\n");
  CHECK(home.run({"rm", "one"}).status == 0);
}
