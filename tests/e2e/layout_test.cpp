// coracle load and coracle save, beside skopeo, umoci and podman.
#include <csignal>

#include <sys/stat.h>
#include <nlohmann/json.hpp>

#include "e2e/podman.hpp"
#include "image/manifest.hpp"
#include "kernel/inode.hpp"
#include "support/archive.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

using Json = nlohmann::json;

Result shell(const std::string& script) {
  Result result = run({"sh", "-ec", script}, {}, std::chrono::seconds(120));
  INFO(script << "\n" << result.out << result.err);
  REQUIRE(result.status == 0);
  return result;
}

std::string skopeo(const std::string& from, const std::string& to, const std::string& option = "") {
  return "skopeo --insecure-policy copy -q " + option + " '" + from + "' '" + to + "'\n";
}

// The first manifest in the index of a layout.
std::string manifest_digest(const std::string& layout) {
  return Json::parse(test::read_file(layout + "/index.json"))["manifests"][0]["digest"];
}

Json document(const std::string& layout, const std::string& digest) {
  return Json::parse(test::read_file(layout + "/blobs/sha256/" + digest.substr(7)));
}

Json diff_ids(const std::string& layout) {
  const Json manifest = document(layout, manifest_digest(layout));
  return document(layout, manifest["config"]["digest"])["rootfs"]["diff_ids"];
}

// An image of two layers, the upper of which has /etc/layer.
class TwoLayers : public BusyboxHome {
 public:
  TwoLayers() {
    write_file(at("top.tar"), Tar().directory("etc").file("etc/layer", "two\n").bytes());
    const Result made =
        run({"import", "-c", "CMD [\"cat\",\"/etc/layer\"]", "-c", "ENV A=b", busybox_layer(), at("top.tar"), "two:1"});
    INFO(made.err);
    REQUIRE(made.status == 0);
  }
  std::string at(const std::string& name) const { return files_.path() + "/" + name; }

  void save(const std::string& name, const Words& words) const {
    Words all = {"save", "-o", at(name)};
    all.insert(all.end(), words.begin(), words.end());
    const Result saved = run(all);
    INFO(saved.err);
    REQUIRE(saved.status == 0);
  }

 private:
  TemporaryDirectory files_;
};

void check_loads(const std::string& path, const std::string& says, const std::string& image) {
  const Home other;
  const Result loaded = other.run({"load", "-i", path});
  INFO(loaded.err);
  CHECK(loaded.out == says);
  CHECK(other.run({"run", "--rm", "--net", "none", image}).out == "two\n");
  CHECK(other.run({"run", "--rm", "--net", "none", image, "sh", "-c", "echo $A"}).out == "b\n");
}

}  // namespace

TEST_CASE("what save writes, load takes in, in each format and compression") {
  const TwoLayers home;
  home.save("d.tar", {"two:1"});
  home.save("o.tar", {"--format", "oci", "two:1"});
  home.save("dir", {"--format=oci-dir", "two:1"});
  for (const char* name : {"d.tar", "o.tar", "dir"}) check_loads(home.at(name), "Loaded image: two:1\n", "two:1");
  for (const char* compress : {"gzip", "zstd -q", "xz -1"}) {
    shell(std::string(compress) + " -c '" + home.at("d.tar") + "' >'" + home.at("compressed") + "'");
    check_loads(home.at("compressed"), "Loaded image: two:1\n", "two:1");
  }
  const Home other;
  CHECK(other.run({"load", "-q"}, test::read_file(home.at("d.tar"))).out == "Loaded image: two:1\n");
}

TEST_CASE("an archive is the same byte for byte wherever and whenever it is made") {
  const TwoLayers home;
  home.save("a.tar", {"two:1", "busybox"});
  home.save("b.tar", {"two:1", "busybox"});
  const std::string bytes = test::read_file(home.at("a.tar"));
  CHECK(bytes == test::read_file(home.at("b.tar")));
  CHECK(home.run({"save", "two:1", "busybox"}).out == bytes);
  const Home other;
  REQUIRE(other.run({"load"}, bytes).status == 0);
  CHECK(other.run({"save", "two:1", "busybox"}).out == bytes);
}

TEST_CASE("several images travel in one archive with all their names, and without any") {
  const TwoLayers home;
  const std::string id = home.run({"images", "-q", "--no-trunc"}).out.substr(0, 71);
  REQUIRE(home.run({"import", busybox_layer(), "busybox:2"}).status == 0);
  home.save("all.tar", {"busybox", "two:1"});
  const Home other;
  CHECK(other.run({"load", "-i", home.at("all.tar")}).out ==
        "Loaded image: busybox:2\nLoaded image: busybox:latest\nLoaded image: two:1\n");
  home.save("id.tar", {id});
  const Home third;
  CHECK(third.run({"load", "-i", home.at("id.tar")}).out == "Loaded image ID: " + id + "\n");
  CHECK(third.run({"images"}).out.find("<none>       <none>    " + id.substr(7, 12)) != std::string::npos);
}

TEST_CASE("an OCI layout goes through skopeo and back with the same manifest digest") {
  const TwoLayers home;
  home.save("dir", {"--format", "oci-dir", "two:1"});
  const std::string digest = manifest_digest(home.at("dir"));
  shell(skopeo("oci:" + home.at("dir") + ":1", "oci:" + home.at("there") + ":example.org/team/two:3",
               "--preserve-digests"));
  CHECK(manifest_digest(home.at("there")) == digest);
  check_loads(home.at("there"), "Loaded image: example.org/team/two:3\n", "example.org/team/two:3");
  const Home other;
  REQUIRE(other.run({"load", "-i", home.at("there")}).status == 0);
  REQUIRE(other.run({"save", "--format", "oci-dir", "-o", home.at("back"), "example.org/team/two:3"}).status == 0);
  CHECK(manifest_digest(home.at("back")) == digest);
}

TEST_CASE("an archive of docker's goes through skopeo and back with the same layers and configuration") {
  const TwoLayers home;
  home.save("d.tar", {"two:1"});
  home.save("dir", {"--format", "oci-dir", "two:1"});
  shell(skopeo("docker-archive:" + home.at("d.tar"), "oci:" + home.at("oci") + ":1") +
        skopeo("docker-archive:" + home.at("d.tar"), "docker-archive:" + home.at("back.tar") + ":team/two:4"));
  CHECK(diff_ids(home.at("oci")) == diff_ids(home.at("dir")));
  check_loads(home.at("back.tar"), "Loaded image: team/two:4\n", "team/two:4");
  const Home other;  // in which the layers are plain tars, and the configuration has the digest that skopeo gave it
  REQUIRE(other.run({"load", "-i", home.at("back.tar")}).status == 0);
  const std::string id = other.run({"images", "-q", "--no-trunc"}).out.substr(0, 71);
  CHECK(shell("tar -tf '" + home.at("back.tar") + "'").out.find(id.substr(7) + ".json\n") != std::string::npos);
  REQUIRE(other.run({"save", "-o", home.at("again.tar"), "team/two:4"}).status == 0);
  shell(skopeo("docker-archive:" + home.at("again.tar"), "oci:" + home.at("again") + ":1"));
  CHECK(diff_ids(home.at("again")) == diff_ids(home.at("dir")));
}

TEST_CASE("an image that umoci made loads and runs") {
  const TwoLayers home;
  home.save("dir", {"--format", "oci-dir", "two:1"});
  shell("cd '" + home.at("") +
        "'\numoci unpack --image dir:1 bundle >/dev/null\necho three >bundle/rootfs/etc/layer\n"
        "umoci repack --image dir:box bundle >/dev/null\numoci config --image dir:box --config.env A=b >/dev/null\n"
        "umoci remove --image dir:1");
  const Home other;
  const Result loaded = other.run({"load", "-i", home.at("dir")});
  INFO(loaded.err);
  CHECK(loaded.out == "Loaded image: box:latest\n");
  CHECK(other.run({"run", "--rm", "--net", "none", "box"}).out == "three\n");
}

TEST_CASE("podman loads and runs what save wrote") {
  if (!has_program("podman")) SKIP_WITHOUT("podman");
  const TwoLayers home;
  const Podman podman(coracle_oci());
  for (const char* format : {"docker-archive", "oci"}) {
    home.save(format, {"--format", format, "two:1"});
    const Result loaded = podman({"load", "-q", "-i", home.at(format)});
    INFO(loaded.err);
    REQUIRE(loaded.status == 0);
    const std::string name = loaded.out.substr(loaded.out.find(": ") + 2);
    Words words = podman.run_words({"--rm", name.substr(0, name.find('\n'))});
    const Result ran = podman(words);
    INFO(loaded.out << ran.err);
    CHECK(ran.out == "two\n");
    podman({"rmi", "--all", "--force"});
  }
}

TEST_CASE("of an index the host's image is taken, or the one that --platform names") {
  const TwoLayers home;
  home.save("dir", {"--format", "oci-dir", "two:1"});
  const std::string own = image::host_platform().architecture;
  // The same image under the same name for a second platform, and both once more in an index of their own.
  Json index = Json::parse(test::read_file(home.at("dir") + "/index.json"));
  Json entry = index["manifests"][0];
  entry.erase("annotations");
  entry["platform"] = {{"os", "linux"}, {"architecture", own}};
  Json other = entry;
  other["digest"] = "sha256:" + std::string(64, 'a');
  other["platform"]["architecture"] = "s390x";
  const bool nested = GENERATE(false, true);
  index["manifests"] = Json::array({other, entry});
  if (nested) {
    const std::string inner = index.dump();
    const std::string digest = test::sha256(inner);
    write_file(home.at("dir") + "/blobs/sha256/" + digest, inner);
    Json outer = {{"mediaType", image::kOciIndex}, {"digest", "sha256:" + digest}, {"size", inner.size()}};
    outer["annotations"]["org.opencontainers.image.ref.name"] = "two:5";
    index["manifests"] = Json::array({outer});
  }
  write_file(home.at("dir") + "/index.json", index.dump());
  const Home fresh;
  const Result loaded = fresh.run({"load", "-i", home.at("dir")});
  INFO(loaded.err);
  CHECK(loaded.status == 0);
  CHECK(loaded.out.find(nested ? "Loaded image: two:5\n" : "Loaded image ID: sha256:") == 0);
  CHECK(fresh.run({"load", "--platform", own, "-i", home.at("dir")}).status == 0);
  const Result foreign = fresh.run({"load", "--platform", "linux/s390x", "-i", home.at("dir")});
  CHECK(foreign.status == 125);
  CHECK(foreign.err.find("aaaaaaaa: there is no such file in it") != std::string::npos);
  const Result none = fresh.run({"load", "--platform", "linux/riscv64", "-i", home.at("dir")});
  CHECK(none.err.find("there is one for: linux/s390x, linux/" + own) != std::string::npos);
}

TEST_CASE("save leaves what was there when it fails, and no half file") {
  const TwoLayers home;
  const TemporaryDirectory out;
  write_file(out.path() + "/kept", "as it was");
  const auto entries = [&] { return kernel::list(kernel::open(out.path(), O_RDONLY | O_DIRECTORY)); };
  CHECK(home.run({"save", "-o", out.path() + "/kept", "nothing"}).err.find("there is no such image here") !=
        std::string::npos);
  SECTION("a damaged blob") {
    home.save("dir", {"--format", "oci-dir", "two:1"});
    const Json manifest = document(home.at("dir"), manifest_digest(home.at("dir")));
    const std::string layer = manifest["layers"][1]["digest"];
    const std::string path = home.path() + "/blobs/sha256/" + layer.substr(7);
    std::string bytes = test::read_file(path);
    bytes[600] = static_cast<char>(bytes[600] ^ 1);
    write_file(path, bytes);
    const Result saved = home.run({"save", "-o", out.path() + "/kept", "two:1"});
    CHECK(saved.status == 125);
    CHECK(saved.err.find("it was damaged on the disk") != std::string::npos);
  }
  SECTION("a full disk") {
    const Result saved =
        test::run({"unshare", "-m", "sh", "-c",
                   "mount -t tmpfs -o size=100k tmpfs '" + out.path() + "' && '" + test::coracle() + "' --root '" +
                       home.path() + "' save -o '" + out.path() + "/new' two:1; echo $?; ls -A '" + out.path() + "'"});
    CHECK(saved.out == "125\n");
    CHECK(saved.err.find("ENOSPC") != std::string::npos);
  }
  SECTION("a layout where something is already") {
    const Result saved = home.run({"save", "--format", "oci-dir", "-o", out.path() + "/kept", "two:1"});
    CHECK(saved.err.find("EEXIST") != std::string::npos);
  }
  CHECK(test::read_file(out.path() + "/kept") == "as it was");
  CHECK(entries() == Words{"kept"});
}

TEST_CASE("Ctrl-C ends a load for which nothing comes, and leaves nothing") {
  const Home home;
  const TemporaryDirectory files;
  const bool fifo = GENERATE(false, true);
  const std::string path = files.path() + "/fifo";
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  Running load(home.command(fifo ? Words{"load", "-i", path} : Words{"load"}));
  if (!fifo) load.write(Tar().file("x", "x").bytes());
  REQUIRE(eventually([&] {
    return kernel::exists(home.path() + "/tmp") &&
           !kernel::list(kernel::open(home.path() + "/tmp", O_RDONLY | O_DIRECTORY)).empty();
  }));
  load.signal(SIGINT);
  const Result result = load.wait(std::chrono::seconds(10));
  INFO(result.err);
  CHECK(result.status == 128 + SIGINT);
  CHECK(result.err == "coracle: load: ended by SIGINT\n");
  CHECK(kernel::list(kernel::open(home.path() + "/tmp", O_RDONLY | O_DIRECTORY)).empty());
}

TEST_CASE("load -i reads a fifo, and save -o writes to one") {
  const TwoLayers home;
  const Result result = shell("mkfifo '" + home.at("fifo") + "'\n'" + test::coracle() + "' --root '" + home.path() +
                              "' save -o '" + home.at("fifo") + "' two:1 & '" + test::coracle() + "' --root '" +
                              home.at("other") + "' load -i '" + home.at("fifo") + "'\nwait");
  CHECK(result.out == "Loaded image: two:1\n");
}
