// Manifests and indexes: what is read, what is chosen, what is refused. And what the store takes in of an image.
#include "image/manifest.hpp"

#include <fmt/format.h>

#include "image/digest.hpp"
#include "image/ingest.hpp"
#include "kernel/error.hpp"
#include "kernel/inode.hpp"
#include "support/support.hpp"

using namespace coracle;
using image::Descriptor;
using kernel::Error;

namespace {

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

std::string index_for(const std::vector<std::string>& platforms) {
  image::Index index{.media_type = image::kOciIndex};
  for (const std::string& platform : platforms) {
    Descriptor descriptor{.media_type = image::kOciManifest, .digest = image::sha256(platform), .size = 1};
    descriptor.platform = image::parse_platform(platform);
    index.manifests.push_back(descriptor);
  }
  return image::to_json(index);
}

// An image of one layer, the busybox one, whose blobs lie in memory.
struct Blobs : image::Source {
  std::map<std::string, std::string> bytes;
  std::string manifest;
  std::string layer = kernel::read_file(test::busybox_layer(), 64U << 20U);
  image::Config config;
  std::uint64_t breaks_at = UINT64_MAX;  // the connection
  std::vector<std::uint64_t> offsets;    // at which layers were asked for

  Blobs() {
    config = {.architecture = "amd64", .created = "2026-01-02T03:04:05Z"};
    const test::Result sum = test::run({"sh", "-c", "zcat '" + test::busybox_layer() + "' | sha256sum"});
    config.diff_ids = {"sha256:" + sum.out.substr(0, 64)};
    seal();
  }

  void seal() {
    const std::string json = image::to_json(config);
    bytes[image::sha256(json)] = json;
    bytes[image::sha256(layer)] = layer;
    image::Manifest made{.media_type = image::kOciManifest};
    made.config = {.media_type = image::kOciConfig, .digest = image::sha256(json), .size = json.size()};
    made.layers = {{.media_type = "application/vnd.oci.image.layer.v1.tar+gzip",
                    .digest = image::sha256(layer),
                    .size = layer.size()}};
    manifest = image::to_json(made);
  }

  parts::Bytes open(const Descriptor& blob, std::uint64_t offset) override {
    if (blob.media_type != image::kOciConfig) offsets.push_back(offset);
    return [this, text = bytes.at(blob.digest), at = offset](char* buffer, std::size_t size) mutable {
      if (at >= breaks_at) throw Error("read from the registry", ECONNRESET);
      const std::size_t count = text.copy(buffer, std::min<std::uint64_t>({size, 100'000, breaks_at - at}), at);
      at += count;
      return count;
    };
  }
};

struct Home {
  test::TemporaryDirectory directory;
  image::Database database{directory.path()};
  image::Store store{directory.path(), database};

  std::string ingest(Blobs& blobs) {
    return image::ingest(store, blobs, blobs.manifest, {image::parse_reference("box")});
  }
  std::size_t entries(const std::string& folder) const {
    return kernel::list(kernel::open(directory.path() + folder, O_RDONLY | O_DIRECTORY)).size();
  }
};

}  // namespace

TEST_CASE("a platform is chosen as docker chooses it, and those there are are named") {
  const image::Index index =
      image::parse_index(index_for({"linux/amd64", "linux/arm/v6", "linux/arm/v7", "windows/amd64"}));
  const auto chosen = [&](const char* platform) { return choose(index, image::parse_platform(platform)).digest; };
  CHECK(chosen("linux/amd64") == image::sha256("linux/amd64"));
  CHECK(chosen("amd64") == image::sha256("linux/amd64"));
  CHECK(chosen("linux/arm/v7") == image::sha256("linux/arm/v7"));
  CHECK(contains(test::message_of([&] { chosen("linux/s390x"); }), "linux/arm/v7, windows/amd64"));
  for (const char* bad : {"", "/", "linux/", "a/b/c/d"}) CHECK_THROWS_AS(image::parse_platform(bad), Error);
}

TEST_CASE("a document that can be read in two ways, or is too long, is refused") {
  Blobs blobs;
  CHECK(image::parse_manifest(blobs.manifest).layers.size() == 1);
  const std::string both = blobs.manifest.substr(0, blobs.manifest.size() - 1) + R"(,"manifests":[]})";
  CHECK_THROWS_AS(image::parse_manifest(both), Error);
  CHECK_THROWS_AS(image::parse_index(both), Error);
  for (const char* bad : {"", "[]", "{}", R"({"schemaVersion":1})", R"({"schemaVersion":2,"config":{},"layers":[]})",
                          R"({"schemaVersion":2,"config":1,"layers":{}})", R"({"manifests":1})"}) {
    INFO(bad);
    CHECK_THROWS_AS(image::parse_manifest(bad), Error);
  }
  CHECK(contains(test::message_of([] { image::parse_manifest(std::string((4U << 20U) + 1, ' ')); }), "4 MiB"));
  std::string many = R"({"config":[{})";
  while (many.size() < 4'000'000) many += ",{}";
  CHECK(contains(test::message_of([&] { image::parse_manifest(many + "]}"); }), "more than 200000 values"));
  CHECK(contains(test::message_of([] { image::parse_manifest(R"({"schemaVersion":1,"fsLayers":[]})"); }),
                 "schemaVersion"));
}

TEST_CASE("a digest or a size that is no such thing is refused before anything is done with it") {
  const auto manifest = [](const char* digest, const char* size) {
    return fmt::format(R"({{"schemaVersion":2,"config":{{"mediaType":"{}","digest":"{}","size":{}}},"layers":[]}})",
                       image::kOciConfig, digest, size);
  };
  const std::string good = image::sha256("");
  CHECK_NOTHROW(image::parse_manifest(manifest(good.c_str(), "2")));
  for (const char* bad : {"sha256:../../etc/passwd", "md5:00", "", "sha256:ABC"}) {
    CHECK_THROWS_AS(image::parse_manifest(manifest(bad, "2")), Error);
  }
  for (const char* bad : {"-1", "1.5", "\"2\"", "null"})
    CHECK_THROWS_AS(image::parse_manifest(manifest(good.c_str(), bad)), Error);
}

TEST_CASE("an image that comes in is kept byte for byte, and its layer is not asked for twice") {
  Home home;
  Blobs blobs;
  const std::string id = home.ingest(blobs);
  const image::Image image = home.store.find("box");
  CHECK(image.id == id);
  CHECK(image.manifest == image::sha256(blobs.manifest));
  CHECK(home.store.document(image.manifest) == blobs.manifest);
  CHECK(image::sha256(kernel::read_file(home.store.blob_path(image::sha256(blobs.layer)), 64U << 20U)) ==
        image::sha256(blobs.layer));
  CHECK(kernel::exists(home.store.layer_directories(image.config).at(0) + "/bin/busybox"));
  blobs.config.cmd = {"sh"};
  blobs.seal();
  CHECK(home.ingest(blobs) != id);
  CHECK(blobs.offsets == std::vector<std::uint64_t>{0});
  CHECK(home.entries("/partial") == 0);
  CHECK(home.entries("/tmp") == 0);
}

TEST_CASE("a layer whose connection broke is gone on with where it broke") {
  Home home;
  Blobs blobs;
  blobs.breaks_at = 500'000;
  CHECK(contains(test::message_of([&] { home.ingest(blobs); }), "ECONNRESET"));
  CHECK(home.store.list().empty());
  CHECK(home.entries("/layers/sha256") == 0);
  blobs.breaks_at = UINT64_MAX;
  home.ingest(blobs);
  CHECK(blobs.offsets == std::vector<std::uint64_t>{0, 500'000});
  CHECK(home.entries("/partial") == 0);
}

TEST_CASE("what was gathered of a layer and is damaged is thrown away, and the layer fetched anew") {
  Home home;
  Blobs blobs;
  const std::string partial = home.directory.path() + "/partial/" + image::hex_of(image::sha256(blobs.layer));
  std::string damaged = blobs.layer.substr(0, 300'000);
  damaged[150'000] = static_cast<char>(damaged[150'000] + 1);
  kernel::create_file(partial, damaged);
  CHECK_NOTHROW(home.ingest(blobs));
  CHECK(blobs.offsets.back() == 0);
}

TEST_CASE("a layer that is not what its digest, size or diff_id says is not taken in") {
  Home home;
  Blobs blobs;
  const std::string digest = image::sha256(blobs.layer);
  std::string expected;
  SECTION("other bytes") {
    blobs.bytes[digest][4] ^= 1;  // the time in gzip's header: what comes out is the same
    expected = "it is damaged or another one";
  }
  SECTION("too short") {
    blobs.bytes[digest].resize(400'000);
    expected = "it ends after 400000";
  }
  SECTION("too long") {
    blobs.bytes[digest] += std::string(1000, '\0');
    expected = "longer than";
  }
  SECTION("another diff_id") {
    blobs.config.diff_ids = {image::sha256("another")};
    blobs.seal();
    expected = "the configuration says";
  }
  const std::string message = test::message_of([&] { home.ingest(blobs); });
  INFO(message);
  CHECK(contains(message, expected.c_str()));
  CHECK(home.store.list().empty());
  for (const char* folder : {"/layers/sha256", "/blobs/sha256", "/partial", "/tmp"}) CHECK(home.entries(folder) == 0);
}

TEST_CASE("what no image has any more is collected, and not while an image is being made") {
  Home home;
  Blobs blobs;
  home.ingest(blobs);
  home.database.execute(
      "DELETE FROM names; DELETE FROM manifest_blobs; DELETE FROM manifests; DELETE FROM image_layers; DELETE FROM "
      "images");
  {
    image::Staging staging = home.store.stage();
    CHECK(home.store.collect() == 0);
    CHECK(home.entries("/layers/sha256") == 1);
    staging.remove();
  }
  CHECK(home.store.collect() > 1'000'000);
  for (const char* folder : {"/layers/sha256", "/blobs/sha256", "/tmp"}) CHECK(home.entries(folder) == 0);
  CHECK_NOTHROW(home.ingest(blobs));
  CHECK(home.store.collect() == 0);
  CHECK_NOTHROW(home.store.layer_directories(home.store.find("box").config));
}
