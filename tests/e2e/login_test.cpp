// coracle login and logout, and which registries are spoken to without a certificate.
#include <csignal>
#include <filesystem>

#include <sys/stat.h>
#include <nlohmann/json.hpp>

#include "e2e/client.hpp"
#include "support/at_terminal.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a registry with TLS and a password is for those who know its certificate and the password") {
  const DockerRegistry registry(DockerRegistry::Kind::closed);
  const Client client;
  const std::string name = registry.host() + "/box:latest";
  client.import(name);
  const Result unknown = client.run({"pull", name});
  CHECK(unknown.status == 125);
  CHECK(contains(unknown.err, "/etc/docker/certs.d/" + registry.host() + "/ca.crt"));
  client.trust(registry);
  CHECK(contains(client.run({"push", name}).err, "the registry wants a password"));

  const Result wrong = client.run({"login", "-u", "ada", "--password-stdin", registry.host()}, "guess\n");
  CHECK(wrong.status == 125);
  CHECK(contains(wrong.err, "does not accept the user and the password"));
  CHECK_FALSE(kernel::exists(client.path() + "/docker/config.json"));
  const Words login = {"login", "-u", "ada", "--password-stdin", registry.host()};
  CHECK(client.output(login, "pass:word\n") == "Login Succeeded\n");
  CHECK(client.output({"login", registry.host()}) == "Authenticating with existing credentials...\nLogin Succeeded\n");
  client.output({"push", name});
  CHECK(client.output({"pull", "-q", name}) == name + "\n");

  CHECK(client.output({"logout", registry.host()}) == "Removing login credentials for " + registry.host() + "\n");
  CHECK(client.output({"logout", registry.host()}) == "Not logged in to " + registry.host() + "\n");
  CHECK(client.run({"pull", name}).status == 125);
  const Result warned = client.run({"login", "-u", "ada", "-p", "pass:word", registry.host()});
  CHECK(warned.status == 0);
  CHECK(contains(warned.err, "WARNING! Using --password"));
}

// curl knows that every name below "localhost" is this machine; to us it is a host like any other.
TEST_CASE("plain HTTP and unknown certificates are for hosts that are called insecure") {
  const auto kind = GENERATE(DockerRegistry::Kind::plain, DockerRegistry::Kind::closed);
  const DockerRegistry registry(kind);
  const Client client;
  const std::string host = "registry.localhost:" + registry.host().substr(registry.host().find(':') + 1);
  client.import(host + "/box");
  const Result refused = client.run({"push", host + "/box"});
  CHECK(refused.status == 125);
  CHECK(contains(refused.err, "https://" + host + "/v2/box/"));
  std::filesystem::create_directories(client.path() + "/config/coracle");
  write_file(client.path() + "/config/coracle/registries.json", R"({"insecure": [")" + host + "\"]}");
  if (kind == DockerRegistry::Kind::closed) {
    client.output({"login", "-u", "ada", "--password-stdin", host}, "pass:word");
  }
  client.output({"push", host + "/box"});
  CHECK(client.output({"pull", "-q", host + "/box"}) == host + "/box:latest\n");
}

TEST_CASE("the file with the passwords is closed to others and keeps what else is in it") {
  const DockerRegistry registry(DockerRegistry::Kind::closed);
  const Client client;
  client.trust(registry);
  const std::string path = client.path() + "/docker/config.json";
  std::filesystem::create_directories(client.path() + "/docker");
  write_file(path,
             R"({"HttpHeaders": {"A": "b"}, "auths": {"example.org": {"auth": "eDp5"}}, "detachKeys": "ctrl-a"})");
  client.output({"login", "-u", "ada", "--password-stdin", registry.host()}, "pass:word");
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600);
  const auto json = nlohmann::json::parse(read_file(path));
  CHECK(json.at("HttpHeaders").at("A") == "b");
  CHECK(json.at("detachKeys") == "ctrl-a");
  CHECK(json.at("auths").at("example.org").at("auth") == "eDp5");
  CHECK(json.at("auths").at(registry.host()).at("auth") == "YWRhOnBhc3M6d29yZA==");
}

TEST_CASE("a credential helper keeps the password instead of the file") {
  const DockerRegistry registry(DockerRegistry::Kind::closed);
  const Client client;
  client.trust(registry);
  client.import(registry.host() + "/box");
  const std::string bin = client.path() + "/bin";
  std::filesystem::create_directories(bin);
  std::filesystem::create_directories(client.path() + "/docker");
  write_file(bin + "/docker-credential-drawer",
             "#!/bin/sh\ncd '" + client.path() +
                 "'\ncase $1 in\nstore) cat >secret ;;\nget) [ -e secret ] && cat secret ||"
                 " { echo 'credentials not found in native keychain'; exit 1; } ;;\nerase) rm secret ;;\nesac\n");
  std::filesystem::permissions(bin + "/docker-credential-drawer", std::filesystem::perms::owner_all);
  write_file(client.path() + "/docker/config.json", R"({"credsStore": "drawer"})");
  const auto with_helper = [&](const Words& words, const std::string& input = {}) {
    Words all = client.command(words);
    all.insert(all.begin() + 1, "PATH=" + bin + ":/usr/bin:/bin");
    return test::run(all, input);
  };
  const Result login = with_helper({"login", "-u", "ada", "--password-stdin", registry.host()}, "pass:word");
  INFO(login.err);
  CHECK(login.status == 0);
  CHECK_FALSE(contains(login.err, "unencrypted"));
  CHECK(contains(read_file(client.path() + "/secret"), R"("Secret":"pass:word")"));
  CHECK_FALSE(contains(read_file(client.path() + "/docker/config.json"), "YWRh"));
  CHECK(with_helper({"push", registry.host() + "/box"}).status == 0);
  CHECK(with_helper({"logout", registry.host()}).status == 0);
  CHECK_FALSE(kernel::exists(client.path() + "/secret"));
  CHECK(with_helper({"push", registry.host() + "/box"}).status == 125);
}

TEST_CASE("login asks at the terminal, and does not show the password") {
  const DockerRegistry registry(DockerRegistry::Kind::closed);
  const Client client;
  client.trust(registry);
  AtTerminal login(client.command({"login", registry.host()}));
  login.read_until("Username: ");
  login.type("ada\n");
  login.read_until("Password: ");
  REQUIRE(eventually([&] { return (login.modes().c_lflag & ECHO) == 0; }));
  login.type("pass:word\n");
  login.read_until("Login Succeeded\r\n");
  CHECK(login.wait() == 0);
  CHECK_FALSE(contains(login.screen(), "pass:word"));

  AtTerminal given_up(client.command({"login", "-u", "ada", registry.host()}));
  given_up.read_until("Password: ");
  REQUIRE(eventually([&] { return (given_up.modes().c_lflag & ECHO) == 0; }));
  given_up.type("\x03");
  CHECK(given_up.wait() == 128 + SIGINT);
  CHECK((given_up.modes().c_lflag & ECHO) != 0);
  CHECK(contains(client.run({"login", "-u", "ada", registry.host()}).err, "stdin is no terminal"));
}
