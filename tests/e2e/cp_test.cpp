// coracle cp: docker's rules for what goes where, containers that run and that do not, and hostile ones.
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

#include "e2e/home.hpp"
#include "kernel/fd.hpp"

using namespace coracle;
using namespace coracle::test;
namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string text_of(const std::string& path) { return fs::exists(path) ? kernel::read_file(path) : "(none)"; }

// A container "box" with some files, running or not, and a directory of the host beside it.
class Box : public BusyboxHome {
 public:
  explicit Box(bool runs) {
    fs::create_directory(host());
    const std::string script =
        "mkdir -p /w/d/e; echo one >/w/d/f; chown 33:33 /w/d/f; ln -s d/f /w/link; echo v >/vol/x; echo ready; read go";
    const Words words = {"run", "-i",        "--net",   "none", "--name", "box",
                         "-v",  "data:/vol", "busybox", "sh",   "-c",     script};
    running_ = std::make_unique<Running>(command(words));
    running_->read_until("ready");
    if (runs) return;
    running_->close_input();
    running_->wait();
    running_.reset();
  }

  ~Box() {
    if (!running_) return;
    running_->close_input();
    running_->wait();
  }

  std::string host(const std::string& name = "") const { return path() + "/host" + (name.empty() ? "" : "/" + name); }
  Result cp(const std::string& from, const std::string& to, const Words& options = {}) const {
    Words words = {"cp"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {from, to});
    return run(words);
  }
  std::string file(const std::string& path) const { return test::run({"tar", "-xO"}, cp("box:" + path, "-").out).out; }

 private:
  std::unique_ptr<Running> running_;
};

}  // namespace

TEST_CASE("cp takes files out of a container, running or not, to where docker would") {
  const Box box(GENERATE(true, false));
  const std::string out = box.host();
  CHECK(box.cp("box:/w/d/f", out + "/file").status == 0);
  CHECK(text_of(out + "/file") == "one\n");
  CHECK(box.cp("box:/w/d/f", out).status == 0);
  CHECK(text_of(out + "/f") == "one\n");
  CHECK(box.cp("box:/w/d", out).status == 0);
  CHECK(text_of(out + "/d/f") == "one\n");
  CHECK(fs::is_directory(out + "/d/e"));
  CHECK(box.cp("box:w/d", out + "/new").status == 0);
  CHECK(text_of(out + "/new/f") == "one\n");
  CHECK(box.cp("box:/w/d/.", out).status == 0);
  CHECK(fs::is_directory(out + "/e"));
  CHECK(box.cp("box:/vol", out).status == 0);
  CHECK(text_of(out + "/vol/x") == "v\n");
  CHECK(box.cp("box:/w/link", out).status == 0);
  CHECK(fs::read_symlink(out + "/link") == "d/f");
  CHECK(box.cp("box:/w/link", out + "/followed", {"-L"}).status == 0);
  CHECK(text_of(out + "/followed") == "one\n");
  CHECK(run({"stat", "-c", "%u", out + "/file"}).out == "0\n");
  CHECK(box.cp("box:/w/d/f", out + "/owned", {"-a"}).status == 0);
  CHECK(run({"stat", "-c", "%u", out + "/owned"}).out == "33\n");
}

TEST_CASE("cp puts files into a container, running or not, to where docker would") {
  const Box box(GENERATE(true, false));
  std::ofstream(box.host("file")) << "mine\n";
  fs::create_directory(box.host("tree"));
  std::ofstream(box.host("tree/leaf")) << "leaf\n";
  REQUIRE(chown(box.host("file").c_str(), 77, 77) == 0);
  CHECK(box.cp(box.host("file"), "box:/w").status == 0);
  CHECK(box.file("/w/file") == "mine\n");
  CHECK(box.cp(box.host("file"), "box:/w/renamed").status == 0);
  CHECK(box.file("/w/renamed") == "mine\n");
  CHECK(box.cp(box.host("tree"), "box:/w").status == 0);
  CHECK(box.file("/w/tree/leaf") == "leaf\n");
  CHECK(box.cp(box.host("tree") + "/.", "box:/made").status == 0);
  CHECK(box.file("/made/leaf") == "leaf\n");
  CHECK(box.cp(box.host("file"), "box:/vol/x").status == 0);
  CHECK(text_of(box.path() + "/volumes/data/_data/x") == "mine\n");
  CHECK(box.cp(box.host("file"), "box:/w/link").status == 0);  // what it leads to
  CHECK(box.file("/w/d/f") == "mine\n");
  CHECK(box.cp(box.host("file"), "box:/w/kept", {"-a"}).status == 0);
  const std::string listed = run({"tar", "-tv", "--numeric-owner"}, box.cp("box:/w/.", "-").out).out;
  CHECK(contains(listed, " 77/77 "));
  CHECK(contains(listed, " 0/0 "));
}

TEST_CASE("cp reads and writes tars at -") {
  const Box box(true);
  const std::string listed = run({"tar", "-t"}, box.cp("box:/w/d", "-").out).out;
  CHECK(listed == "d/\nd/f\nd/e/\n");
  std::ofstream(box.host(".wh.file")) << "no whiteout\n";
  const std::string tar = run({"tar", "-c", "-C", box.host(), ".wh.file"}).out;
  CHECK(box.run({"cp", "-", "box:/w"}, tar).status == 0);
  CHECK(box.file("/w/.wh.file") == "no whiteout\n");
  CHECK(box.run({"cp", "-", "box:/w/d/f"}, tar).status == 1);
  CHECK(box.run({"cp", "-", "box:/missing"}, tar).status == 1);
  CHECK(box.run({"cp", "-", "box:/w"}, "no tar").status == 1);
}

TEST_CASE("cp says what it cannot do") {
  const Box box(true);
  fs::create_directory(box.host("tree"));
  std::ofstream(box.host("file")) << "mine\n";
  const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
      {"box:/missing", box.host(), "lstat /missing: ENOENT"},
      {box.host("missing"), "box:/", "missing: ENOENT"},
      {box.host("file"), "box:/missing/", "the destination directory must exist"},
      {box.host("file"), "box:/missing/x", "the directory that it is to be in must exist"},
      {box.host("tree"), "box:/w/d/f", "cannot copy a directory to a file"},
      {"box:/w/d/f/", box.host(), "ENOTDIR"},
      {"box:/w", "box:/x", "copying between containers is not supported"},
      {"./here", "./there", "must specify at least one container source"},
      {"nobody:/w", box.host(), "there is none with this name or id"}};
  for (const auto& [from, to, expected] : cases) {
    const Result result = box.cp(from, to);
    INFO(from << " " << to << ": " << result.err);
    CHECK(result.status == 1);
    CHECK(contains(result.err, expected));
  }
}

TEST_CASE("no link in a container leads cp to a file of the host") {
  const Box box(GENERATE(true, false));
  const std::string precious = box.host("precious");
  fs::create_directory(precious);
  std::ofstream(precious + "/secret") << "secret\n";
  std::ofstream(box.host("file")) << "mine\n";
  // As the container would have made them, had it known the path.
  fs::create_directory(box.host("trap"));
  fs::create_symlink(precious, box.host("trap/directory"));
  fs::create_symlink(precious + "/secret", box.host("trap/secret"));
  fs::create_symlink("../../../../../../../../../../.." + precious, box.host("trap/up"));
  fs::create_symlink("/proc/1/root" + precious, box.host("trap/magic"));
  REQUIRE(box.cp(box.host("trap"), "box:/").status == 0);
  for (const std::string link : {"directory", "up", "magic"}) {
    INFO(link);
    CHECK(box.cp("box:/trap/" + link + "/secret", box.host("out")).status == 1);
    CHECK(box.cp(box.host("file"), "box:/trap/" + link + "/made").status == 1);
    CHECK(box.cp(box.host("file"), "box:/trap/" + link + "/").status == 1);
  }
  CHECK(box.cp("box:/trap/secret", box.host("out"), {"-L"}).status == 1);
  CHECK(box.cp(box.host("file"), "box:/trap/secret").status == 1);
  CHECK(text_of(precious + "/secret") == "secret\n");
  CHECK(std::distance(fs::directory_iterator(precious), fs::directory_iterator()) == 1);
  CHECK(!fs::exists(box.host("out")));
}
