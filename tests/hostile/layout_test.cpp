// Layouts and archives of images that were made to harm who loads them.
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hostile/hostile.hpp"
#include "image/manifest.hpp"
#include "kernel/inode.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

using Json = nlohmann::json;

// The layout of an image of one small layer, for tests to spoil, and a store to load it into.
class Layout {
 public:
  Layout() {
    const Home maker;
    write_file(beside("layer.tar"), Tar().directory("etc").file("etc/x", "x").bytes());
    REQUIRE(maker.run({"import", beside("layer.tar"), "small"}).status == 0);
    REQUIRE(maker.run({"save", "--format", "oci-dir", "-o", path(""), "small"}).status == 0);
    index = Json::parse(read_file(path("index.json")));
    manifest = Json::parse(read_file(blob(index["manifests"][0]["digest"])));
  }

  std::string beside(const std::string& name) const { return directory_.path() + "/" + name; }
  std::string path(const std::string& name) const { return directory_.path() + "/layout/" + name; }
  std::string blob(const std::string& digest) const { return path("blobs/sha256/" + digest.substr(7)); }
  std::string layer() const { return blob(manifest["layers"][0]["digest"]); }

  // Puts a document into the layout, and gives a descriptor of it.
  Json put(const std::string& text, const char* type) const {
    const std::string digest = "sha256:" + sha256(text);
    write_file(blob(digest), text);
    return {{"mediaType", type}, {"digest", digest}, {"size", text.size()}};
  }
  void write_index() const { write_file(path("index.json"), index.dump()); }

  Json index, manifest;

 private:
  TemporaryDirectory directory_;
};

// Loading it ends soon, with one line that has `expected` in it, and nothing of it is in the store.
void check_refused(const std::string& path, const std::string& expected) {
  const Home home;
  const Result result = test::run(home.command({"load", "-i", path}), {}, std::chrono::seconds(30));
  INFO(result.err);
  CHECK(result.status == 125);
  CHECK(contains(result.err, expected));
  CHECK(result.err.find('\n') == result.err.size() - 1);
  CHECK(home.run({"images", "-q"}).out.empty());
  for (const char* folder : {"/layers/sha256", "/blobs/sha256", "/partial", "/tmp"}) {
    CHECK(kernel::list(kernel::open(home.path() + folder, O_RDONLY | O_DIRECTORY)).empty());
  }
}

// An archive of docker's form, whose manifest.json is `manifest`.
std::string archive(Tar tar, const std::string& manifest, const std::string& config = {}) {
  const std::string layer = Tar().file("x", "x").bytes();
  const std::string made = R"({"rootfs":{"type":"layers","diff_ids":["sha256:)" + sha256(layer) + "\"]}}";
  return tar.file("config.json", config.empty() ? made : config)
      .file("layer.tar", layer)
      .file("manifest.json", manifest)
      .bytes();
}

void check_archive_refused(const std::string& bytes, const std::string& expected) {
  const TemporaryDirectory directory;
  write_file(directory.path() + "/a.tar", bytes);
  check_refused(directory.path() + "/a.tar", expected);
}

constexpr const char* kGood = R"([{"Config":"config.json","RepoTags":["a:1"],"Layers":["layer.tar"]}])";

}  // namespace

TEST_CASE("a blob that is not what its digest says is refused, whichever it is") {
  Layout layout;
  const std::string which = GENERATE(std::string("manifest"), "config", "layer");
  std::string path = layout.layer();
  if (which == "manifest") path = layout.blob(layout.index["manifests"][0]["digest"]);
  if (which == "config") path = layout.blob(layout.manifest["config"]["digest"]);
  std::string bytes = read_file(path);
  bytes[bytes.size() / 3] = static_cast<char>(bytes[bytes.size() / 3] ^ 1);
  write_file(path, bytes);
  check_refused(layout.path(""), which == "layer" ? "unpack sha256:" : "it is damaged or another one");
}

TEST_CASE("a fifo, a directory or a link in the place of a blob is refused, and nobody waits for it") {
  Layout layout;
  const Canary canary;
  const std::string name = GENERATE(std::string("layer"), "index", "oci-layout");
  const std::string path = name == "layer" ? layout.layer() : layout.path(name == "index" ? "index.json" : name);
  const std::string kept = layout.path("kept");
  REQUIRE(rename(path.c_str(), kept.c_str()) == 0);
  SECTION("fifo") {
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    check_refused(layout.path(""), "it is no regular file");
  }
  SECTION("directory") {
    REQUIRE(mkdir(path.c_str(), 0700) == 0);
    check_refused(layout.path(""), "it is no regular file");
  }
  SECTION("a link to the very bytes") {
    REQUIRE(symlink(kept.c_str(), path.c_str()) == 0);
    check_refused(layout.path(""), "");
  }
  SECTION("a directory on the way that is a link to the outside") {
    const std::string blobs = layout.path("blobs");
    const std::string outside = layout.beside("outside");
    REQUIRE(rename(kept.c_str(), path.c_str()) == 0);
    REQUIRE(rename(blobs.c_str(), outside.c_str()) == 0);
    REQUIRE(symlink(outside.c_str(), blobs.c_str()) == 0);
    check_refused(layout.path(""), "ELOOP");
  }
  CHECK(canary.is_untouched());
}

TEST_CASE("indexes that lie a hundred deep inside each other are refused") {
  Layout layout;
  Json inner = layout.index["manifests"][0];
  for (int depth = 0; depth < 100; ++depth) {
    inner = layout.put(Json{{"schemaVersion", 2}, {"manifests", Json::array({inner})}}.dump(), image::kOciIndex);
  }
  layout.index["manifests"] = Json::array({inner});
  layout.write_index();
  check_refused(layout.path(""), "more than 8 indexes lie inside each other");
}

TEST_CASE("documents that are too long are not read") {
  Layout layout;
  const std::string which = GENERATE(std::string("manifest"), "index.json", "oci-layout", "a size that is a lie");
  const std::string big = "{\"x\":\"" + std::string(10U << 20U, 'x') + "\"}";
  if (which == "manifest") {
    layout.index["manifests"] = Json::array({layout.put(big, image::kOciManifest)});
    layout.write_index();
  } else if (which == "a size that is a lie") {
    layout.index["manifests"][0]["size"] = std::uint64_t{1} << 60U;
    layout.write_index();
  } else {
    write_file(layout.path(which), big);
  }
  check_refused(layout.path(""), "4 MiB is the most");
}

TEST_CASE("an index that is a manifest as well, or no index at all, is refused") {
  Layout layout;
  SECTION("both (CVE-2021-41190)") {
    layout.index["layers"] = Json::array();
    layout.write_index();
    check_refused(layout.path(""), "it has a field \"layers\" as well");
  }
  SECTION("a digest that is a path (CVE-2024-3727)") {
    layout.index["manifests"][0]["digest"] = "sha256:../../../../etc/passwd";
    layout.write_index();
    check_refused(layout.path(""), "it is not sha256:HEX");
  }
  SECTION("empty") {
    layout.index["manifests"] = Json::array();
    layout.write_index();
    check_refused(layout.path(""), "it has no image");
  }
  SECTION("no JSON") {
    write_file(layout.path("index.json"), "[[[[");
    check_refused(layout.path(""), "it is not JSON");
  }
  SECTION("another version") {
    write_file(layout.path("oci-layout"), R"({"imageLayoutVersion":["1.0.0"]})");
    check_refused(layout.path(""), "its version is not 1.0.0");
  }
}

TEST_CASE("a layout's name that is no name of an image is left away, and forges no line on a terminal") {
  Layout layout;
  layout.index["manifests"][0]["annotations"] = {{"org.opencontainers.image.ref.name", "\x1b[2Jroot:\nx"}};
  layout.write_index();
  const Home home;
  const Result result = home.run({"load", "-i", layout.path("")});
  INFO(result.err);
  CHECK(result.out.rfind("Loaded image ID: sha256:", 0) == 0);
  CHECK(result.out.find('\n') == result.out.size() - 1);
}

TEST_CASE("an image that has one layer many times is taken in, and nobody waits for anybody (CVE-2021-20291)") {
  Layout layout;
  Json config = Json::parse(read_file(layout.blob(layout.manifest["config"]["digest"])));
  for (int i = 0; i < 40; ++i) {
    layout.manifest["layers"].push_back(layout.manifest["layers"][0]);
    config["rootfs"]["diff_ids"].push_back(config["rootfs"]["diff_ids"][0]);
  }
  layout.manifest["config"] = layout.put(config.dump(), image::kOciConfig);
  layout.index["manifests"] = Json::array({layout.put(layout.manifest.dump(), image::kOciManifest)});
  layout.write_index();
  const Home home;
  const Result result = test::run(home.command({"load", "-i", layout.path("")}), {}, std::chrono::seconds(30));
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(kernel::list(kernel::open(home.path() + "/layers/sha256", O_RDONLY | O_DIRECTORY)).size() == 1);
}

TEST_CASE("more images than anybody packs together are refused before any is taken in") {
  Layout layout;
  const Json entry = layout.index["manifests"][0];
  for (int i = 0; i < 1000; ++i) {
    layout.index["manifests"].push_back(entry);
    layout.index["manifests"].back()["annotations"] = {{"org.opencontainers.image.ref.name", fmt::format("a:{}", i)}};
  }
  layout.write_index();
  check_refused(layout.path(""), "more than 1000 images");
  Json list = Json::array();
  for (int i = 0; i < 1001; ++i) list.push_back(Json::parse(kGood)[0]);
  check_archive_refused(archive({}, list.dump()), "more than 1000 images");
}

TEST_CASE("names in an archive that are no names are refused before anything is taken in") {
  for (const char* name :
       {"../../etc", "UPPER:1", "a:..", "a:\\u001b[2J", "a@sha256:00", "", "/a", "a b", "a:1\\u0000"}) {
    INFO(name);
    check_archive_refused(
        archive({}, fmt::format(R"([{{"Config":"config.json","RepoTags":["{}"],"Layers":["layer.tar"]}}])", name)),
        "read the image name");
  }
}

TEST_CASE("configurations and layers of an archive are looked for in the archive alone") {
  const Canary canary;
  for (const std::string& name : {canary.path() + "/file", "../../.." + canary.path() + "/file",
                                  std::string("/etc/passwd"), std::string("."), std::string("")}) {
    INFO(name);
    const Json layer = Json::array({{{"Config", "config.json"}, {"Layers", {name}}}});
    check_archive_refused(archive({}, layer.dump()), "");
    const Json config = Json::array({{{"Config", name}, {"Layers", {"layer.tar"}}}});
    check_archive_refused(archive({}, config.dump()), "");
    // The same names, as links that are in the archive.
    if (name.size() < 3) continue;
    const Json linked = Json::array({{{"Config", "config.json"}, {"Layers", {"link"}}}});
    check_archive_refused(archive(Tar().symlink("link", name), linked.dump()), "there is no such file in it");
    check_archive_refused(archive(Tar().hardlink("link", name), linked.dump()), "there is no such file in it");
  }
  CHECK(canary.is_untouched());
}

TEST_CASE("an archive's layer may be a link to another one in it, and no link to a link or to itself") {
  const auto with_layer = [](const char* name) {
    return fmt::format(R"([{{"Config":"config.json","RepoTags":["a:1"],"Layers":["{}"]}}])", name);
  };
  const Home home;
  for (const Tar& tar : {Tar().symlink("d/l.tar", "../layer.tar"), Tar().hardlink("d/l.tar", "layer.tar")}) {
    const Result result = home.run({"load"}, archive(tar, with_layer("d/l.tar")));
    INFO(result.err);
    CHECK(result.out == "Loaded image: a:1\n");
  }
  check_archive_refused(archive(Tar().symlink("a", "b").symlink("b", "layer.tar"), with_layer("a")), "no regular file");
  check_archive_refused(archive(Tar().symlink("a", "a"), with_layer("a")), "no regular file");
  check_archive_refused(archive(Tar().add({.name = "a", .type = '6'}), with_layer("a")), "no regular file");
  check_archive_refused(archive(Tar().directory("a"), with_layer("a")), "no regular file");
}

TEST_CASE("an archive in which two files have one name is refused") {
  for (const char* twin : {"layer.tar", "./layer.tar", "x/../layer.tar", "manifest.json"}) {
    INFO(twin);
    check_archive_refused(archive(Tar().file(twin, "other"), kGood), "there are two of this name");
  }
}

TEST_CASE("a manifest.json that is none is refused") {
  for (const char* bad :
       {"", "{}", "[]", "[1]", "[{}]", "[[", R"([{"Config":1,"Layers":[]}])",
        R"([{"Config":"config.json","RepoTags":{"a":1},"Layers":["layer.tar"]}])",
        R"([{"Config":"config.json","Layers":[]}])", R"([{"Config":"layer.tar","Layers":["layer.tar"]}])"}) {
    INFO(bad);
    check_archive_refused(archive({}, bad), "");
  }
  check_archive_refused(archive({}, kGood, R"({"rootfs":{"diff_ids":["sha256:../../x"]}})"), "it is not sha256:HEX");
  check_archive_refused(archive({}, kGood,
                                R"({"rootfs":{"diff_ids":[")"
                                "sha256:" +
                                    std::string(64, '0') + "\"]}}"),
                        "it is damaged or another one");
  check_archive_refused(Tar().file("repositories", "{}").bytes(), "docker before version 1.10 wrote this");
  check_archive_refused(Tar().file("x", "y").bytes(), "neither an OCI layout nor an archive of docker save");
}

TEST_CASE("a tar that is cut short, is no tar, or claims more than it has, is refused") {
  const std::string good = archive({}, kGood);
  check_archive_refused(good.substr(0, good.size() / 2), "");
  check_archive_refused("this is a letter\n", "");
  check_archive_refused("", "");
  check_archive_refused(gzip(good).substr(0, 200), "gzip");
  constexpr std::int64_t kExbibyte = std::int64_t{1} << 60U;
  const std::string claim = Tar().pax({{"size", std::to_string(kExbibyte)}}).file("blobs/sha256/x").bytes();
  check_archive_refused(claim, "the tar ends before it does");
  const std::string sparse =
      Tar()
          .pax({{"GNU.sparse.major", "1"},
                {"GNU.sparse.minor", "0"},
                {"GNU.sparse.name", "layer.tar"},
                {"GNU.sparse.realsize", std::to_string(kExbibyte)}})
          .file("sparse", "1\n" + std::to_string(kExbibyte - 1) + "\n1\n" + std::string(490, 'x'))
          .bytes();
  check_archive_refused(sparse, "");
}

TEST_CASE("what stands before a file's contents in an archive has a limit") {
  std::string map = "2000000\n";  // of a sparse file: pieces of nothing, which take 96 MB of memory
  for (int index = 0; index < 2'000'000; ++index) map += "0\n0\n";
  Tar sparse;
  sparse.pax({{"GNU.sparse.major", "1"},
              {"GNU.sparse.minor", "0"},
              {"GNU.sparse.name", "layer.tar"},
              {"GNU.sparse.realsize", "1024"}});
  sparse.file("x", map + std::string((512 - map.size() % 512) % 512, '\0'));
  check_archive_refused(sparse.bytes(), "more than 4 MiB stand before a file's contents");
  // What is skipped is no header.
  Tar large;
  const Home home;
  const Result loaded = home.run({"load"}, archive(large.file("large", std::string(6U << 20U, 'x')), kGood));
  INFO(loaded.err);
  CHECK(loaded.out == "Loaded image: a:1\n");
}

TEST_CASE("a tar of a million entries is refused before it has taken memory or time") {
  std::string bytes;
  bytes.reserve(std::size_t{512} * 1'000'000);
  const std::string header = Tar().directory("d").unfinished();
  for (int i = 0; i < 1'000'000; ++i) bytes += header;
  const std::string compressed = zstd(bytes);
  const auto begin = std::chrono::steady_clock::now();
  check_archive_refused(compressed, "more than 100000 entries");
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}

TEST_CASE("a compressed archive that grows without end is cut off at the limit") {
  const Home home;
  const TemporaryDirectory directory;
  write_file(directory.path() + "/bomb", zstd(std::string(std::size_t{64} << 20U, '\0')));
  Words words = home.command({"load", "-i", directory.path() + "/bomb"});
  words.insert(words.begin(), {"env", "CORACLE_MAX_LAYER=16m"});
  const Result result = test::run(words);
  INFO(result.err);
  CHECK(contains(result.err, "read more than 16777216 bytes"));
  CHECK(kernel::list(kernel::open(home.path() + "/tmp", O_RDONLY | O_DIRECTORY)).empty());
}
