// From options and an image's configuration to a Spec, and the records of containers.
#include "engine/spec.hpp"

#include <algorithm>

#include "engine/records.hpp"
#include "kernel/error.hpp"
#include "support/support.hpp"

using namespace coracle;
using engine::RunOptions;
using image::Config;
using kernel::Error;
using Words = std::vector<std::string>;

namespace {

const engine::Place kPlace = {
    "0123456789ab", {"/layers/a", "/layers/b"}, "/data/containers/0123456789ab", "/run/0123456789ab", "/data/volumes"};

launch::Spec spec_of(const RunOptions& options, const Config& config) {
  return engine::make_spec(options, config, kPlace);
}

Config image_with(const Words& entrypoint, const Words& cmd) {
  Config config;
  config.entrypoint = entrypoint;
  config.cmd = cmd;
  return config;
}

RunOptions command(const Words& words) {
  RunOptions options;
  options.command = words;
  return options;
}

bool has(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

TEST_CASE("entry point and command are put together as docker does it") {
  const Config image = image_with({"entry", "-x"}, {"cmd"});
  CHECK(spec_of({}, image).process.args == Words{"entry", "-x", "cmd"});
  CHECK(spec_of(command({"mine"}), image).process.args == Words{"entry", "-x", "mine"});

  RunOptions options;
  options.entrypoint = "own";
  CHECK(spec_of(options, image).process.args == Words{"own"});  // the image's command was for its entry point
  options.command = {"a", "b"};
  CHECK(spec_of(options, image).process.args == Words{"own", "a", "b"});
  options.entrypoint = "";
  CHECK(spec_of(options, image).process.args == Words{"a", "b"});
  options.command.clear();
  CHECK_THROWS_AS(spec_of(options, image), Error);
  CHECK_THROWS_AS(spec_of({}, image_with({}, {})), Error);
}

TEST_CASE("the environment is the image's, changed by the user's") {
  Config image = image_with({}, {"x"});
  image.env = {"PATH=/bin", "A=image", "B=image", "AB=image"};
  RunOptions options;
  options.env = {"A=file", "C=", "B", "A=user"};
  const Words env = spec_of(options, image).process.env;
  CHECK(env == Words{"HOSTNAME=0123456789ab", "PATH=/bin", "A=user", "AB=image", "C="});
}

TEST_CASE("directory and user are the image's when the user names none") {
  Config image = image_with({}, {"x"});
  image.working_dir = "/srv";
  image.user = "redis";
  CHECK(spec_of({}, image).process.cwd == "/srv");
  CHECK(spec_of({}, image).process.user == "redis");
  RunOptions options;
  options.working_dir = "/tmp";
  options.user = "0:0";
  CHECK(spec_of(options, image).process.cwd == "/tmp");
  CHECK(spec_of(options, image).process.user == "0:0");
}

TEST_CASE("the host name is the id when none is given, and the network's name too") {
  const Config image = image_with({}, {"x"});
  CHECK(spec_of({}, image).namespaces.hostname == "0123456789ab");
  RunOptions options;
  options.hostname = "web";
  const launch::Spec spec = spec_of(options, image);
  CHECK(spec.namespaces.hostname == "web");
  CHECK(has(spec.process.env, "HOSTNAME=web"));
  REQUIRE(spec.networks.size() == 1);
  CHECK(spec.networks[0].names.hostname == "web");
}

TEST_CASE("the networks none and host have no network part, and host no namespace either") {
  const Config image = image_with({}, {"x"});
  RunOptions options;
  options.network = engine::Network::none;
  CHECK(spec_of(options, image).networks.empty());
  CHECK(spec_of(options, image).namespaces.network);
  REQUIRE(spec_of(options, image).mounts.files.size() == 1);
  CHECK(spec_of(options, image).mounts.files[0].source == "/run/0123456789ab/hosts");
  options.network = engine::Network::host;
  CHECK(spec_of(options, image).networks.empty());
  CHECK_FALSE(spec_of(options, image).namespaces.network);
  CHECK(spec_of(options, image).mounts.files.size() == 3);
  options.ports = {{.host_port = 1, .container_port = 2}};
  CHECK_THROWS_AS(spec_of(options, image), Error);
}

TEST_CASE("what is the container's own lies in its own place") {
  RunOptions options;
  options.read_only = true;
  options.init = true;
  options.volumes = {{.source = "data", .destination = "/d"}};
  const launch::Spec spec = spec_of(options, image_with({}, {"x"}));
  CHECK(spec.layers.lower == kPlace.layers);
  CHECK(spec.layers.scratch_dir == kPlace.directory);
  CHECK(spec.volumes.volumes_dir == kPlace.volumes_dir);
  CHECK(spec.volumes.volumes.size() == 1);
  CHECK(spec.root.readonly);
  CHECK(spec.process.init);
  CHECK(spec.process.new_session);
}

TEST_CASE("a container's name is taken while its record is there") {
  test::TemporaryDirectory directory;
  image::Database database(directory.path());
  engine::Records records(database);
  CHECK_THROWS_AS(records.add({"0123456789ab", "web", "sha256:x", {}, 7, "/run/x"}), Error);  // no such image
  database.execute("INSERT INTO images VALUES ('sha256:x', 0, 0)");
  records.add({"0123456789ab", "web", "sha256:x", {"a", "\xff"}, 7, "/run/x"});
  try {
    records.add({"ba9876543210", "web", "sha256:x", {}, 8, "/run/x"});
    FAIL("the name was given twice");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("already in use by container 0123456789ab") != std::string::npos);
  }
  REQUIRE(records.all().size() == 1);
  CHECK(records.all()[0].command.size() == 2);
  CHECK(records.all()[0].run_root == "/run/x");
  records.remove("0123456789ab");
  records.add({"ba9876543210", "web", "sha256:x", {}, 8, "/run/x"});
}

TEST_CASE("names of containers are those that docker takes") {
  for (const char* good : {"web", "a1", "A_.-x"}) CHECK_NOTHROW(engine::check_name(good));
  for (const char* bad : {"", "a", "-web", ".web", "we b", "web/1", "w\xc3\xa4", "../x"}) {
    INFO(bad);
    CHECK_THROWS_AS(engine::check_name(bad), Error);
  }
}
