// coracle pull and push with a registry, and beside the tools of others.
#include <filesystem>

#include <nlohmann/json.hpp>

#include "e2e/client.hpp"
#include "image/config.hpp"
#include "kernel/inode.hpp"
#include "support/archive.hpp"
#include "support/at_terminal.hpp"
#include "support/docker_registry.hpp"
#include "support/ordinary_user.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string line_with(const std::string& text, const std::string& part) {
  const std::size_t at = text.find(part);
  return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
}

Words entries(const std::string& directory) { return kernel::list(kernel::open(directory, O_RDONLY | O_DIRECTORY)); }

void must(const Words& command) {
  const Result result = test::run(command);
  INFO(result.out << result.err);
  REQUIRE(result.status == 0);
}

}  // namespace

TEST_CASE("an image that is pushed and pulled is the same, byte for byte") {
  const DockerRegistry registry;
  const Client here;
  const std::string name = registry.host() + "/team/box:1.0";
  here.import(name);
  const std::string pushed = here.output({"push", name});
  CHECK(contains(pushed, "The push refers to repository [" + registry.host() + "/team/box]\n"));
  CHECK(contains(pushed, ": Pushed\n"));
  const std::string digest = line_with(pushed, "sha256:").substr(0, 71);
  CHECK(contains(pushed, "1.0: digest: " + digest + " size: "));
  CHECK(contains(here.output({"push", name}), ": Layer already exists\n"));

  const Client there;
  const std::string pulled = there.output({"pull", name});
  CHECK(contains(pulled, "1.0: Pulling from " + registry.host() + "/team/box\n"));
  CHECK(contains(pulled, ": Pull complete\n"));
  CHECK(contains(pulled, "Digest: " + digest + "\nStatus: Downloaded newer image for " + name + "\n" + name + "\n"));
  CHECK(there.output({"images", "-q"}) == here.output({"images", "-q"}));
  CHECK(there.output({"run", "--rm", "--net", "none", name, "sh", "-c", "echo $A"}) == "1\n");
  const std::string again = there.output({"pull", name});
  CHECK(contains(again, ": Already exists\n"));
  CHECK(contains(again, "Status: Image is up to date for " + name + "\n"));

  const std::string by_digest = registry.host() + "/team/box@" + digest;
  CHECK(there.output({"run", "--rm", "--net", "none", by_digest, "true"}).empty());
  const Client third;
  CHECK(third.output({"pull", "-q", by_digest}) == by_digest + "\n");
  CHECK(third.output({"images", "-q"}) == here.output({"images", "-q"}));
  CHECK(contains(third.output({"images"}), registry.host() + "/team/box   <none>"));
}

TEST_CASE("many layers travel at once, and one that is there twice travels once") {
  const DockerRegistry registry;
  const Client here;
  const std::string name = registry.host() + "/layers:latest";
  Words words = {"import", "-c", "CMD [\"sh\"]", busybox_layer()};
  for (int i = 0; i < 12; ++i) {
    const std::string path = here.path() + "/" + std::to_string(i) + ".tar";
    write_file(path, Tar().file("top", std::to_string(i % 11)).file(std::to_string(i % 11), "x").bytes());
    words.push_back(path);
  }
  words.push_back(name);
  here.output(words);
  here.output({"push", name});
  CHECK(registry.requests("PUT /v2/layers/blobs/uploads/") == 13);

  const Client there;
  const std::string pulled = there.output({"pull", name});
  std::size_t complete = 0;
  for (std::size_t at = 0; (at = pulled.find(": Pull complete\n", at)) != std::string::npos; ++at) ++complete;
  CHECK(complete == 12);
  CHECK(registry.requests("GET /v2/layers/blobs/") == 13);
  CHECK(there.output({"run", "--rm", "--net", "none", name, "sh", "-c", "cat /top; ls /10 /0"}) == "0/0\n/10\n");
  CHECK(entries(there.path() + "/partial").empty());
}

TEST_CASE("a layer that another repository of the registry has is not sent again") {
  const DockerRegistry registry;
  const Client client;
  client.import(registry.host() + "/one");
  client.import(registry.host() + "/two");
  client.output({"push", registry.host() + "/one"});
  CHECK(contains(client.output({"push", registry.host() + "/two"}), ": Mounted from one\n"));
  const Client other;
  CHECK(other.output({"pull", "-q", registry.host() + "/two"}) == registry.host() + "/two:latest\n");
}

TEST_CASE("many pulls of an image at once bring its layer once") {
  const DockerRegistry registry;
  const Client client;
  const std::string name = registry.host() + "/box:latest";
  client.import(name);
  client.output({"push", name});
  const Client other;
  std::vector<std::unique_ptr<Running>> pulls;
  for (int i = 0; i < 6; ++i) pulls.push_back(std::make_unique<Running>(other.command({"pull", name})));
  for (const auto& pull : pulls) {
    const Result result = pull->wait();
    INFO(result.err);
    CHECK(result.status == 0);
  }
  const std::string layer = test::sha256(read_file(busybox_layer()));
  CHECK(registry.requests("GET /v2/box/blobs/sha256:" + layer) == 1);
  CHECK(entries(other.path() + "/tmp").empty());
  CHECK(entries(other.path() + "/partial").empty());
}

TEST_CASE("what is not there is said in one line") {
  const DockerRegistry registry;
  const Client client;
  const auto refuse = [&](const Words& words, const std::string& why) {
    const Result result = client.run(words);
    INFO(result.err);
    CHECK(result.status == 125);
    CHECK(contains(result.err, why));
    CHECK(result.err.find('\n') == result.err.size() - 1);
  };
  refuse({"pull", registry.host() + "/nobody"}, "the registry has no such image");
  refuse({"pull", "127.0.0.1:1/nobody"}, "connect to 127.0.0.1 port 1");
  refuse({"pull", "nobody.invalid/x"}, "Could not resolve host: nobody.invalid");
  refuse({"push", registry.host() + "/nobody"}, "there is no such image here");
  refuse({"pull", "UPPER"}, "lower case");
  refuse({"pull"}, "one name must be given");
}

TEST_CASE("skopeo's images are pulled and run, and what is pushed is what skopeo copies and umoci unpacks") {
  const DockerRegistry registry;
  const Client client;
  const std::string name = registry.host() + "/box:latest";
  client.import(name);
  client.output({"push", name});
  const std::string layout = "oci:" + client.path() + "/layout:box";
  must({"skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "docker://" + name, layout});
  must({"umoci", "unpack", "--image", client.path() + "/layout:box", client.path() + "/bundle"});
  CHECK(kernel::exists(client.path() + "/bundle/rootfs/bin/busybox"));

  for (const char* format : {"oci", "v2s2"}) {
    INFO(format);
    const std::string copy = registry.host() + "/copy:" + format;
    must({"skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", "--format", format, layout,
          "docker://" + copy});
    const Client other;
    other.output({"pull", copy});
    CHECK(other.output({"run", "--rm", "--net", "none", copy, "sh", "-c", "echo $A"}) == "1\n");
    const Result shown = test::run({"skopeo", "inspect", "--tls-verify=false", "docker://" + copy});
    const std::string digest = nlohmann::json::parse(shown.out).at("Digest");
    other.output({"push", copy});
    CHECK(contains(other.output({"pull", copy}), "Digest: " + digest + "\n"));
  }
}

TEST_CASE("an index gives the image for the platform, and run pulls what is not here") {
  const DockerRegistry registry;
  const Client client;
  const std::string name = registry.host() + "/box:latest";
  client.import(name);
  client.output({"push", name});
  const std::string layout = client.path() + "/layout";
  must({"skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "docker://" + name, "oci:" + layout + ":own"});
  // The same image once more, said to be for s390x: an index of the two takes the place of the layout's own.
  must({"umoci", "config", "--image", layout + ":own", "--tag", "other", "--architecture", "s390x"});
  auto index = nlohmann::json::parse(read_file(layout + "/index.json"));
  for (auto& manifest : index["manifests"]) {
    const bool own = manifest["annotations"]["org.opencontainers.image.ref.name"] == "own";
    manifest["platform"] = {{"os", "linux"}, {"architecture", own ? image::host_architecture() : "s390x"}};
    manifest.erase("annotations");
  }
  const std::string bytes = index.dump();
  const std::string digest = test::sha256(bytes);
  write_file(layout + "/blobs/sha256/" + digest, bytes);
  write_file(
      layout + "/index.json",
      R"({"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:)" +
          digest + R"(","size":)" + std::to_string(bytes.size()) + "}]}");
  const std::string many = registry.host() + "/many:latest";
  must(
      {"skopeo", "--insecure-policy", "copy", "--all", "--dest-tls-verify=false", "oci:" + layout, "docker://" + many});

  const Client other;
  const auto run = [&](const Words& options, const Words& command) {
    Words words = {"run", "--rm", "--net", "none"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), command.begin(), command.end());
    return other.run(words);
  };
  const Result never = run({"--pull", "never"}, {many, "true"});
  CHECK(never.status == 125);
  CHECK(contains(never.err, "there is no such image here"));
  const Result first = run({}, {many, "sh", "-c", "echo $A"});
  INFO(first.err);
  CHECK(first.out == "1\n");
  CHECK(first.err.rfind("Unable to find image '" + many + "' locally\nlatest: Pulling from ", 0) == 0);
  CHECK(contains(first.err, "Digest: sha256:" + digest + "\n"));
  CHECK(run({}, {many, "true"}).err.empty());
  CHECK(contains(run({"--pull=always"}, {many, "true"}).err, "Image is up to date"));
  CHECK(run({}, {registry.host() + "/many@sha256:" + digest, "true"}).err.empty());
  CHECK(run({"--platform", "linux/" + image::host_architecture()}, {many, "true"}).err.empty());

  const Result lacking = run({}, {registry.host() + "/nothing", "true"});
  CHECK(lacking.status == 125);
  CHECK(contains(lacking.err, "the registry has no such image"));
  CHECK(contains(other.run({"pull", "--platform", "linux/arm64/v8", many}).err, "there is one for: "));
  CHECK(other.run({"pull", "--platform", "linux/s390x", many}).status == 0);
  CHECK(run({"--pull", "never", "--platform", image::host_architecture()}, {many, "true"}).status == 125);
  CHECK(run({"--platform", image::host_architecture()}, {many, "sh", "-c", "echo $A"}).out == "1\n");
}

TEST_CASE("run at a terminal pulls what is not here while the terminal is an ordinary one") {
  const DockerRegistry registry;
  const Client client;
  const std::string name = registry.host() + "/box:latest";
  client.import(name);
  client.output({"push", name});
  const Client other;
  AtTerminal run(other.command({"run", "--rm", "--net", "none", "-it", name, "sh", "-c", "echo told $A"}));
  run.read_until("Unable to find image '" + name + "' locally\r\n");
  run.read_until("Status: Downloaded newer image for " + name + "\r\n");
  run.read_until("told 1");
  CHECK(run.wait() == 0);
}

TEST_CASE("an ordinary user pulls what run does not find") {
  const DockerRegistry registry;
  const Client client;
  const std::string name = registry.host() + "/box:latest";
  client.import(name);
  client.output({"push", name});
  const OrdinaryUser user;
  const Result first = user.run({"run", "--rm", "--net", "none", name, "id", "-u"});
  INFO(first.err);
  CHECK(first.out == "0\n");
  CHECK(contains(first.err, "Status: Downloaded newer image for " + name));
  CHECK(contains(user.run({"pull", name}).out, "Image is up to date"));
  CHECK(user.run({"push", name}).status == 0);
  CHECK(user.left_behind().empty());
}
