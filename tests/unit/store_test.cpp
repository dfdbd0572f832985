// The store of images: digests, names, changes, configurations, what is there after a killed import.
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/change.hpp"
#include "image/digest.hpp"
#include "image/import.hpp"
#include "image/store.hpp"
#include "kernel/error.hpp"
#include "kernel/inode.hpp"
#include "support/support.hpp"

using namespace coracle;
using image::Config;
using image::Database;
using image::Store;
using kernel::Error;
using Words = std::vector<std::string>;

namespace {

struct Home {
  test::TemporaryDirectory directory;
  Database database{directory.path()};
  Store store{directory.path(), database};

  Words entries(const std::string& folder) const {
    return kernel::list(kernel::open(directory.path() + folder, O_RDONLY | O_DIRECTORY));
  }
  std::string import(const std::string& name, const Words& changes = {}) {
    return image::import_image(store, {{test::busybox_layer()}, changes, image::parse_reference(name)});
  }
};

Config changed(const Words& changes) {
  Config config;
  for (const std::string& change : changes) image::apply_change(config, change);
  return config;
}

}  // namespace

TEST_CASE("a SHA-256 is what FIPS 180-2 says it is, in one piece or in many") {
  CHECK(image::sha256("abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  image::Sha256 hash;
  for (const char* piece : {"a", "", "bc"}) hash.update(piece);
  CHECK(hash.finish() == image::sha256("abc"));
}

TEST_CASE("what becomes the name of a file must be a digest") {
  CHECK(image::is_digest(image::sha256("")));
  CHECK_FALSE(image::is_digest("sha256:../../../etc/passwd"));
  CHECK_THROWS_AS(image::hex_of("sha256:../x"), Error);
  CHECK_THROWS_AS(image::parse_config(R"({"rootfs":{"type":"layers","diff_ids":["sha256:../../etc"]}})"), Error);
}

TEST_CASE("image names are read as docker reads them") {
  const auto read = [](const std::string& text) { return image::parse_reference(text).text(); };
  CHECK(read("redis") == "redis:latest");
  CHECK(read("redis:7.2_A-x") == "redis:7.2_A-x");
  CHECK(read("team/web__x:1") == "team/web__x:1");
  CHECK(read("example.org:5000/team/web") == "example.org:5000/team/web:latest");
  CHECK(image::parse_reference("localhost:5000/a").repository() == "localhost:5000/a");
  CHECK(read("[::1]:5000/a") == "[::1]:5000/a:latest");
  CHECK(image::parse_reference("[fe80::1]/a:b").host == "[fe80::1]");
  CHECK(image::parse_reference("redis").repository() == "docker.io/library/redis");
  CHECK(image::parse_reference("index.docker.io/team/web").repository() == "docker.io/team/web");
  CHECK(read("docker.io/library/redis:7") == "redis:7");
  CHECK(read("docker.io/team/web") == "team/web:latest");
  CHECK(read("docker.io/a.b/c") == "docker.io/a.b/c:latest");
  CHECK(read("docker.io/localhost/c") == "docker.io/localhost/c:latest");
  const std::string digest = image::sha256("");
  CHECK(read("redis@" + digest) == "redis@" + digest);
  CHECK(read("redis:7@" + digest) == "redis:7@" + digest);
  for (const char* bad : {"",          ":tag",   "Redis",       "-redis", "redis-", "re..dis",   "redis:",
                          "redis:-x",  "a//b",   "/a",          "a/",     "[::1/a", "[]/a",      "[::1]x/a",
                          "[::g]:1/a", "../etc", ".x/a",        "-x.y/a", "a b",    "redis:a/b", "exa_mple.org:x/a",
                          "a:b:c",     "a@",     "a@sha256:00", "@"}) {
    INFO("\"" << bad << "\"");
    CHECK_THROWS_AS(image::parse_reference(bad), Error);
  }
  CHECK_THROWS_AS(image::parse_reference(std::string(64, 'a')), Error);
  CHECK_THROWS_AS(image::parse_reference("a:" + std::string(129, 'a')), Error);
}

TEST_CASE("the files of the database belong to who makes them") {
  const test::TemporaryDirectory home;
  const std::string file = home.path() + "/state.db";
  const auto owner = [&](const std::string& name) {
    struct stat status {};
    REQUIRE(stat(name.c_str(), &status) == 0);
    return status.st_uid;
  };
  image::Database{home.path()};
  for (const char* log : {"-wal", "-shm"}) REQUIRE(unlink((file + log).c_str()) == 0);
  REQUIRE(chown(file.c_str(), 4711, 4711) == 0);
  image::Database(home.path()).execute("DELETE FROM steps");
  CHECK(owner(file) == 4711);
  for (const char* log : {"-wal", "-shm"}) CHECK(owner(file + log) == geteuid());
}

TEST_CASE("changes set what a Dockerfile's instructions set") {
  const Config config = changed({"ENV PATH=/bin A=\"x y\" B=$A", "env OLD the rest of it", "ENV PATH=/opt:${PATH}",
                                 "CMD [\"redis-server\", \"--port\", \"1\"]", "ENTRYPOINT exec \"$0\"", "WORKDIR /srv",
                                 "WORKDIR data", "USER redis:redis", "EXPOSE 80 53/udp 7000-7001", "VOLUME [\"/a\"]",
                                 "VOLUME /b /c", "LABEL org.x=\"1 2\" y='$A'", "STOPSIGNAL SIGQUIT"});
  CHECK(config.env == Words{"PATH=/opt:/bin", "A=x y", "B=", "OLD=the rest of it"});
  CHECK(config.cmd == Words{"redis-server", "--port", "1"});
  CHECK(config.entrypoint == Words{"/bin/sh", "-c", "exec \"$0\""});
  CHECK(config.working_dir == "/srv/data");
  CHECK(config.user == "redis:redis");
  CHECK(config.exposed_ports == Words{"53/udp", "7000/tcp", "7001/tcp", "80/tcp"});
  CHECK(config.volumes == Words{"/a", "/b", "/c"});
  CHECK(config.labels == std::map<std::string, std::string>{{"org.x", "1 2"}, {"y", "$A"}});
  CHECK(config.stop_signal == "SIGQUIT");
}

TEST_CASE("a command that only looks like JSON is for the shell") {
  CHECK(changed({"CMD [ -f /x ] && y"}).cmd == Words{"/bin/sh", "-c", "[ -f /x ] && y"});
  CHECK(changed({"CMD [1, 2]"}).cmd == Words{"/bin/sh", "-c", "[1, 2]"});
  CHECK(changed({"CMD [\"a\"]", "CMD []"}).cmd.empty());
}

TEST_CASE("a change that is wrong says what was read and what is allowed") {
  CHECK(test::message_of([] { changed({"RUN make"}); }).find("ENV, CMD, ENTRYPOINT") != std::string::npos);
  for (const char* bad : {"ENV", "ENV A", "ENV =x", "ENV A=\"x", "ENV A=${B", "EXPOSE 0", "EXPOSE 70000", "EXPOSE 1/ip",
                          "STOPSIGNAL SIGWHAT", "WORKDIR", "LABEL x"}) {
    INFO(bad);
    CHECK(test::message_of([&] { changed({bad}); }).find(bad) != std::string::npos);
  }
}

TEST_CASE("a configuration survives the way to JSON and back") {
  Config config = changed({"ENV A=1", "CMD [\"x\"]", "ENTRYPOINT [\"y\"]", "WORKDIR /w", "USER u", "EXPOSE 1",
                           "VOLUME /v", "LABEL l=m", "STOPSIGNAL 9"});
  config.architecture = "arm64";
  config.created = "2026-01-02T03:04:05Z";
  config.diff_ids = {image::sha256("a"), image::sha256("b")};
  config.history = {{"2026-01-02T03:04:05Z", "by", "why", true}};
  const std::string json = image::to_json(config);
  CHECK(image::to_json(image::parse_config(json)) == json);
  for (const char* field : {"\"Env\"", "\"ExposedPorts\":{\"1/tcp\":{}}", "\"rootfs\":{", "\"type\":\"layers\"",
                            "\"empty_layer\":true", "\"StopSignal\":\"9\""}) {
    INFO(field);
    CHECK(json.find(field) != std::string::npos);
  }
}

TEST_CASE("a configuration with nulls and without fields is read, other text is refused") {
  const Config config = image::parse_config(R"({"config":{"Env":null,"Cmd":["x"]},"rootfs":{"diff_ids":null}})");
  CHECK(config.env.empty());
  CHECK(config.cmd == Words{"x"});
  for (const char* bad : {"", "[]", "{}", "{\"rootfs\":{\"diff_ids\":[1]}}", "{\"rootfs\":"}) {
    INFO(bad);
    CHECK_THROWS_AS(image::parse_config(bad), Error);
  }
}

TEST_CASE("an imported image is found by its name, its id, and the beginning of its id") {
  Home home;
  const std::string id = home.import("team/box:1", {"CMD [\"sh\"]"});
  for (const std::string& name : {std::string("team/box:1"), id, id.substr(7), id.substr(7, 12)}) {
    INFO(name);
    CHECK(home.store.find(name).id == id);
  }
  const image::Image image = home.store.find("team/box:1");
  CHECK(image.config.cmd == Words{"sh"});
  CHECK(kernel::exists(home.store.layer_directories(image.config).at(0) + "/bin/busybox"));
  CHECK(image::sha256(kernel::read_file(home.directory.path() + "/blobs/sha256/" + id.substr(7))) == id);
  CHECK(test::message_of([&] { home.store.find("team/box"); }).find("coracle images") != std::string::npos);
  CHECK_THROWS_AS(home.store.find("feed"), Error);
}

TEST_CASE("a layer is kept once, under the digest of its uncompressed tar") {
  Home home;
  home.import("a");
  home.import("b", {"USER nobody"});
  CHECK(home.entries("/layers/sha256").size() == 1);
  CHECK(home.entries("/tmp").empty());
  const std::string diff_id = home.store.find("b").config.diff_ids.at(0);
  const test::Result sum = test::run({"sh", "-c", "zcat '" + test::busybox_layer() + "' | sha256sum"});
  CHECK("sha256:" + sum.out.substr(0, 64) == diff_id);
}

TEST_CASE("an image that lists a layer twice is stacked with the upper one alone") {
  Home home;
  home.import("a");
  Config config = home.store.find("a").config;
  config.diff_ids.push_back(config.diff_ids.at(0));
  CHECK(home.store.layer_directories(config).size() == 1);
}

TEST_CASE("a name that is given again leaves the image before it without a name") {
  Home home;
  const std::string first = home.import("a", {"ENV N=1"});
  const std::string second = home.import("a", {"ENV N=2"});
  CHECK(home.store.find("a").id == second);
  const auto images = home.store.list();
  REQUIRE(images.size() == 2);
  for (const image::Listed& image : images) CHECK(image.repository == (image.id == second ? "a" : ""));
  CHECK(images[0].size > 0);
}

TEST_CASE("no other user can reach what is in the store") {
  Home home;
  home.import("a");
  for (const char* folder : {"/layers", "/blobs", "/tmp"}) {
    struct stat status {};
    REQUIRE(stat((home.directory.path() + folder).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0700);
  }
}

TEST_CASE("a damaged archive leaves the store as it was") {
  Home home;
  const std::string bad = home.directory.path() + "/bad.tar.gz";
  kernel::create_file(bad, kernel::read_file(test::busybox_layer(), 64U << 20U).substr(0, 300'000));
  const std::string message = test::message_of([&] {
    image::import_image(home.store, {{test::busybox_layer(), bad}, {}, image::parse_reference("x")});
  });
  INFO(message);
  CHECK_FALSE(message.empty());
  CHECK(home.store.list().empty());
  for (const char* folder : {"/layers/sha256", "/blobs/sha256", "/partial", "/tmp"}) {
    CHECK(home.entries(folder).empty());
  }
}

TEST_CASE("an import that is told to end leaves the store as it was") {
  Home home;
  image::ImportRequest request{{test::busybox_layer()}, {}, image::parse_reference("x")};
  request.go_on = [] { throw Error("import", 0, "ended by SIGINT"); };
  CHECK(test::message_of([&] { image::import_image(home.store, request); }) == "import: ended by SIGINT");
  CHECK(home.entries("/tmp").empty());
  CHECK(home.entries("/layers/sha256").empty());
}

TEST_CASE("what a killed import left is swept, also what it had in its place but not committed") {
  Home home;
  home.import("a");
  const std::string orphan = home.directory.path() + "/layers/sha256/" + image::sha256("orphan").substr(7);
  kernel::make_directories(home.directory.path() + "/tmp/killed/0/etc");
  kernel::make_directories(orphan + "/etc");
  home.store.sweep();
  CHECK(home.entries("/tmp").empty());
  CHECK_FALSE(kernel::exists(orphan));
  CHECK(kernel::exists(home.store.layer_directories(home.store.find("a").config).at(0)));
}

TEST_CASE("an import that is under way is not swept") {
  Home home;
  const image::Staging staging = home.store.stage();
  Database database(home.directory.path());
  Store(home.directory.path(), database).sweep();
  CHECK(kernel::exists(staging.path()));
  CHECK(image::Staging::abandoned(home.directory.path() + "/tmp").empty());
}

TEST_CASE("a database that is damaged or of a later version is refused with one clear error") {
  test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/state.db";
  SECTION("damaged") {
    kernel::create_file(path, std::string(4096, 'x'));
    CHECK(test::message_of([&] { Database database(directory.path()); }).find("the file is damaged") !=
          std::string::npos);
  }
  SECTION("later") {
    Database(directory.path()).execute("PRAGMA user_version=99");
    CHECK(test::message_of([&] { Database database(directory.path()); }).find("later version") != std::string::npos);
  }
}

TEST_CASE("closing the database does not move its log into the file") {
  test::TemporaryDirectory directory;
  { Database database(directory.path()); }
  CHECK(kernel::exists(directory.path() + "/state.db-wal"));
}

TEST_CASE("a data root that others can write to is refused") {
  test::TemporaryDirectory directory;
  const std::string open_to_all = directory.path() + "/open";
  kernel::make_directories(open_to_all);
  REQUIRE(chmod(open_to_all.c_str(), 0777) == 0);
  CHECK_THROWS_AS(image::make_root(open_to_all), Error);
  CHECK_THROWS_AS(image::make_root("relative"), Error);
  image::make_root(directory.path() + "/new");
  CHECK(kernel::exists(directory.path() + "/new"));
}
