// What the upper directory of an overlay tells about what changed.
#include <filesystem>

#include <sys/stat.h>
#include <sys/xattr.h>

#include "kernel/error.hpp"
#include "parts/layers/diff.hpp"
#include "support/archive.hpp"
#include "support/support.hpp"

using namespace coracle;
using namespace coracle::test;
namespace fs = std::filesystem;

namespace {

struct Stack {
  TemporaryDirectory directory;
  std::string upper = make("upper"), top = make("top"), bottom = make("bottom");

  std::string make(const std::string& name) const {
    fs::create_directories(directory.path() + "/" + name);
    return directory.path() + "/" + name;
  }

  // "C /etc D /etc/x ", in the order given.
  std::string diff() const {
    std::string text;
    for (const parts::Change& change : parts::diff(upper, {bottom, top}))
      text += std::string(1, change.kind) + " " + change.path + " ";
    return text;
  }
};

void file(const std::string& path) {
  fs::create_directories(fs::path(path).parent_path());
  write_file(path, "x");
}

void whiteout(const std::string& path) {
  fs::create_directories(fs::path(path).parent_path());
  REQUIRE(mknod(path.c_str(), S_IFCHR, 0) == 0);
}

void opaque(const std::string& path) {
  fs::create_directories(path);
  REQUIRE(setxattr(path.c_str(), "trusted.overlay.opaque", "y", 1, 0) == 0);
}

}  // namespace

TEST_CASE("an empty upper directory is no change") {
  const Stack stack;
  file(stack.bottom + "/etc/passwd");
  CHECK(stack.diff() == "");
}

TEST_CASE("added, changed and deleted are told apart, and sorted by path") {
  const Stack stack;
  file(stack.bottom + "/etc/passwd");
  file(stack.top + "/etc/hosts");
  file(stack.top + "/root/a");
  whiteout(stack.upper + "/etc/hosts");
  file(stack.upper + "/etc/passwd");
  file(stack.upper + "/etc/new/deep");
  file(stack.upper + "/zz");
  CHECK(stack.diff() == "C /etc D /etc/hosts A /etc/new A /etc/new/deep C /etc/passwd A /zz ");
}

TEST_CASE("what the layers themselves hide was not there") {
  const Stack stack;
  file(stack.bottom + "/gone");
  file(stack.bottom + "/d/hidden");
  file(stack.bottom + "/e/hidden");
  whiteout(stack.top + "/gone");
  opaque(stack.top + "/d");
  file(stack.top + "/e");  // a file over a directory
  file(stack.upper + "/gone");
  file(stack.upper + "/d/hidden");
  file(stack.upper + "/e/hidden");
  CHECK(stack.diff() == "C /d A /d/hidden C /e A /e/hidden A /gone ");
}

TEST_CASE("an opaque directory deletes what it hides, of all layers that are seen") {
  const Stack stack;
  file(stack.bottom + "/d/one");
  file(stack.bottom + "/d/sub/x");
  file(stack.bottom + "/d/again");
  file(stack.top + "/d/two");
  whiteout(stack.top + "/d/three");
  opaque(stack.upper + "/d");
  file(stack.upper + "/d/again");
  file(stack.upper + "/d/new");
  CHECK(stack.diff() == "C /d C /d/again A /d/new D /d/one D /d/sub D /d/two ");
}

TEST_CASE("a layer with an opaque root hides the layers below it") {
  const Stack stack;
  file(stack.bottom + "/f");
  opaque(stack.top);
  file(stack.upper + "/f");
  CHECK(stack.diff() == "A /f ");
}

TEST_CASE("no link in the upper directory is followed, and no device is opened") {
  const Stack stack;
  fs::create_directory_symlink("/", stack.upper + "/host");
  fs::create_symlink("/dev/zero", stack.upper + "/zero");
  REQUIRE(mkfifo((stack.upper + "/fifo").c_str(), 0600) == 0);
  fs::create_directory_symlink("/etc", stack.bottom + "/conf");
  file(stack.upper + "/conf/passwd");
  CHECK(stack.diff() == "C /conf A /conf/passwd A /fifo A /host A /zero ");
}

TEST_CASE("deep trees are walked without using up descriptors or the stack") {
  const Stack stack;
  std::string deep = stack.upper;
  for (int level = 0; level < 1500; ++level) REQUIRE(mkdir((deep += "/d").c_str(), 0755) == 0);
  CHECK(parts::diff(stack.upper, {stack.bottom, stack.top}).size() == 1500);
}
