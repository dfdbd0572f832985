// What servers ask for, and where passwords are found.
#include <cstdlib>

#include "kernel/error.hpp"
#include "registry/challenge.hpp"
#include "registry/credentials.hpp"
#include "support/archive.hpp"
#include "support/support.hpp"

using namespace coracle;
using registry::base64;
using registry::Challenge;
using registry::from_base64;
using registry::parse_challenges;

TEST_CASE("challenges are read as RFC 7235 writes them") {
  const auto all = parse_challenges(
      R"(Bearer realm="https://auth.example/token",service="a, b",scope="repository:x:pull,push", Basic realm="x\"y")");
  REQUIRE(all.size() == 2);
  CHECK(all[0].scheme == "bearer");
  CHECK(all[0].values.at("realm") == "https://auth.example/token");
  CHECK(all[0].values.at("service") == "a, b");
  CHECK(all[0].values.at("scope") == "repository:x:pull,push");
  CHECK(all[1].scheme == "basic");
  CHECK(all[1].values.at("realm") == "x\"y");
  const auto plain = parse_challenges("NEGOTIATE , Basic  Realm = word");
  REQUIRE(plain.size() == 2);
  CHECK(plain[0].scheme == "negotiate");
  CHECK(plain[1].values.at("realm") == "word");
  for (const char* odd :
       {"", ",,,", "=", "a=b", "\"", "Basic realm=\"", "Basic realm=\"\\", "Basic =,=", "a \"b\" c"}) {
    INFO(odd);
    CHECK(parse_challenges(odd).size() <= 2);
  }
}

TEST_CASE("base64 comes back as it was, and what is none gives nothing") {
  for (const char* text : {"a", "ab", "abc", "ada:pass:word"}) CHECK(from_base64(base64(text)) == text);
  CHECK(base64("ada:pass:word") == "YWRhOnBhc3M6d29yZA==");
  for (const char* bad : {"", "YQ", "!!!!", "YQ=a", "====", "Y==="}) CHECK_FALSE(from_base64(bad));
}

TEST_CASE("a password is found under every name that docker has written for its host") {
  const test::TemporaryDirectory directory;
  setenv("DOCKER_CONFIG", directory.path().c_str(), 1);
  const registry::Credentials credentials;
  unsetenv("DOCKER_CONFIG");
  CHECK_FALSE(credentials.get("docker.io"));
  test::write_file(credentials.path(),
                   R"({"auths": {"https://index.docker.io/v1/": {"auth": "YTpi"}, "https://old.example/v1/":)"
                   R"({"username": "u", "password": "p"}, "token.example": {"identitytoken": "t"}, "bad.example":)"
                   R"({"auth": "YQ=="}, "empty.example": {}}})");
  const auto found = [&](const char* host) {
    const auto login = credentials.get(host);
    return login ? login->user + "/" + login->password + "/" + login->identity_token : "none";
  };
  CHECK(found("docker.io") == "a/b/");
  CHECK(found("old.example") == "u/p/");
  CHECK(found("token.example") == "//t");
  for (const char* host : {"bad.example", "empty.example", "example", "index.docker.io.evil"})
    CHECK(found(host) == "none");
}
