// Lesson 10 from outside: an image out of a layout, checked, kept and run as it says.
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "e2e/home.hpp"
#include "kernel/inode.hpp"
#include "support/archive.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

using Json = nlohmann::json;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A layout with the image site:1 of busybox and one file, and a store beside it.
class Site {
 public:
  Site() {
    page("one");
    save("layout", "site:1");
  }

  std::string at(const std::string& name) const { return directory_.path() + "/" + name; }

  void page(const std::string& text) const {
    write_file(at("page.tar"), Tar().file("page", text).bytes());
    const Result made =
        home_.run({"import", "-c", "CMD [\"cat\",\"/page\"]", "-c", "ENV KIND=site", "-c", "USER www-data", "-c",
                   "WORKDIR /srv/www", busybox_layer(), at("page.tar"), "site:1"});
    INFO(made.err);
    REQUIRE(made.status == 0);
  }
  void save(const std::string& name, const std::string& image) const {
    REQUIRE(home_.run({"save", "--format", "oci-dir", "-o", at(name), image}).status == 0);
  }

  Result run(const Words& words) const {
    Words all = {lesson("10-images"), "--store", at("store")};
    all.insert(all.end(), words.begin(), words.end());
    return test::run(all);
  }

  Json index() const { return Json::parse(read_file(at("layout/index.json"))); }
  std::string blob(const std::string& digest) const { return at("layout/blobs/sha256/" + digest.substr(7)); }
  Json manifest() const { return Json::parse(read_file(blob(index()["manifests"][0]["digest"]))); }

  const Home& home() const { return home_; }

 private:
  Home home_;
  TemporaryDirectory directory_;
};

}  // namespace

TEST_CASE("lesson 10 runs an image as its configuration says, or another program in it") {
  const Site site;
  CHECK(site.run({"-q", site.at("layout")}).out == "one");
  const std::string facts = "id -un; pwd; echo $KIND; grep Seccomp: /proc/self/status";
  CHECK(site.run({"-q", site.at("layout"), "sh", "-c", facts}).out == "www-data\n/srv/www\nsite\nSeccomp:\t2\n");
  CHECK(site.run({"-q", site.at("layout"), "sh", "-c", "exit 7"}).status == 7);
}

TEST_CASE("lesson 10 shows what names what, and which layers are new") {
  const Site site;
  const Result first = site.run({site.at("layout")});
  const Json manifest = site.manifest();
  std::string expected;
  for (const auto& [what, descriptor] :
       std::vector<std::pair<std::string, Json>>{{"index     ", site.index()["manifests"][0]},
                                                 {"manifest  ", site.index()["manifests"][0]},
                                                 {"config    ", manifest["config"]},
                                                 {"layer     ", manifest["layers"][0]},
                                                 {"layer     ", manifest["layers"][1]}}) {
    INFO(first.err);
    CHECK(contains(first.err, what + descriptor["digest"].get<std::string>() + " "));
  }
  CHECK(contains(first.err, " cat /page\n"));
  CHECK_FALSE(contains(first.err, "here already"));
  CHECK_FALSE(contains(site.run({site.at("layout")}).err, " new\n"));
  site.page("two");
  site.save("second", "site:1");
  const Result second = site.run({site.at("second")});
  CHECK(second.out == "two");
  CHECK(contains(second.err, " here already\nlayer "));
  CHECK(second.err.ends_with(" new\n"));
}

TEST_CASE("lesson 10 runs nothing of an image in which one byte is another") {
  const Site site;
  const Json manifest = site.manifest();
  const std::string digest = GENERATE(as<std::string>{}, "manifest", "config", "layer");
  const std::string path = site.blob(digest == "manifest" ? site.index()["manifests"][0]["digest"]
                                     : digest == "config" ? manifest["config"]["digest"]
                                                          : manifest["layers"][0]["digest"]);
  std::string bytes = read_file(path);
  bytes[4] = static_cast<char>(bytes[4] ^ 1);
  write_file(path, bytes);
  const Result result = site.run({"-q", site.at("layout"), "echo", "harm"});
  INFO(result.err);
  CHECK(result.status == 125);
  CHECK(result.out.empty());
  CHECK(contains(result.err, "it is damaged or another one"));
  const auto layers =
      test::run({"find", site.at("store"), "-path", "*/layers/sha256/*", "-prune", "-printf", "%f\n"}).out;
  CHECK_FALSE(contains(layers, manifest["layers"][0]["digest"].get<std::string>().substr(7)));
  CHECK(std::count(layers.begin(), layers.end(), '\n') <= (digest == "layer" ? 1 : 0));  // the other layer
}

TEST_CASE("lesson 10 asks which of several images is meant") {
  const Site site;
  REQUIRE(site.home().run({"tag", "site:1", "site:2"}).status == 0);
  site.page("two");
  site.save("both", "site");
  const Result unsaid = site.run({"-q", site.at("both")});
  CHECK(unsaid.status == 125);
  CHECK(contains(unsaid.err, "choose one with --image: site:1 site:2"));
  CHECK(site.run({"-q", "--image", "site:1", site.at("both")}).out == "two");
  CHECK(site.run({"-q", "--image", "site:2", site.at("both")}).out == "one");
}
