// Registries that lead elsewhere, and want passwords that are not theirs.
#include "hostile/puller.hpp"

using namespace coracle;
using namespace coracle::test;

TEST_CASE("redirects without an end are not followed without an end") {
  const Puller client;
  const HttpServer server(twisted([](const HttpRequest& request) -> std::optional<HttpReply> {
    if (!asks_for_layer(request)) return std::nullopt;
    return HttpReply{.status = 307, .headers = {"Location: " + request.target + "?again"}};
  }));
  client.check_refused(server, "too many redirects");
}

TEST_CASE("redirects lead to HTTPS, or from plain HTTP to this machine, and nowhere else") {
  for (const char* to : {"file:///etc/passwd", "ftp://127.0.0.1/x", "http://example.org/x", "http://user@127.0.0.1/x",
                         "gopher://127.0.0.1:6379/_x", "//example.org/x"}) {
    INFO(to);
    const Puller client;
    const HttpServer server(twisted([to](const HttpRequest& request) -> std::optional<HttpReply> {
      if (!asks_for_layer(request)) return std::nullopt;
      return HttpReply{.status = 302, .headers = {std::string("Location: ") + to}};
    }));
    const Result result = client.pull(server);
    INFO(result.err);
    CHECK(result.status == 125);
    CHECK((contains(result.err, "not https") || contains(result.err, "read the URL")));
  }
}

TEST_CASE("who a registry leads us to does not get its password") {
  const Puller client;
  bool asks = false;
  SECTION("when it gives the blob") {}
  SECTION("when it asks for a password") { asks = true; }
  const HttpServer other(twisted([asks](const HttpRequest& request) -> std::optional<HttpReply> {
    if (asks) return ask_for_password(request, "Basic realm=\"x\"");
    return std::nullopt;
  }));
  const std::string to = other.host();
  const HttpServer server(twisted([to](const HttpRequest& request) -> std::optional<HttpReply> {
    if (auto refused = ask_for_password(request, "Basic realm=\"x\"")) return refused;
    if (!asks_for_layer(request)) return std::nullopt;
    return HttpReply{.status = 307, .headers = {"Location: http://" + to + request.target}};
  }));
  client.know_password_of(server);
  const Result result = client.pull(server);
  INFO(result.err);
  CHECK((result.status == 0) == !asks);
  CHECK(server.requests("authorization=" + kBasic) > 0);
  CHECK(other.requests("GET ") > 0);
  CHECK(other.requests("authorization= ") == other.requests("GET "));
}

TEST_CASE("the urls of a foreign layer are nobody's business (CVE-2020-15157)") {
  const Puller client;
  const HttpServer other(twisted([](const HttpRequest&) { return std::nullopt; }));
  FakeImage image = good_image();
  image.extra = R"(,"urls":["http://)" + other.host() + R"(/v2/x/blobs/y"])";
  image.seal();
  const HttpServer server([image](const HttpRequest& request) { return answer(image, request); });
  client.check_good(server);
  CHECK(other.log().empty());
}

TEST_CASE("a token server that is spoken to in another way than HTTPS gets nothing") {
  for (const char* realm :
       {"http://example.org/token", "file:///etc/passwd", "ftp://127.0.0.1/token", "", "http://["}) {
    INFO(realm);
    const Puller client;
    const HttpServer server(twisted([realm](const HttpRequest& request) {
      return ask_for_password(request, fmt::format("Bearer realm=\"{}\",service=\"s\"", realm));
    }));
    client.know_password_of(server);
    const Result result = client.pull(server);
    INFO(result.err);
    CHECK(result.status == 125);
    CHECK(server.requests(kBasic) == (std::string(realm).empty() ? 1 : 0));
  }
}

TEST_CASE("a challenge that makes no sense, or comes again and again, is refused") {
  for (const char* challenge :
       {"", "Bearer", "Bearer realm=", "Basic", "=,=,\"", "Negotiate", "Bearer realm=\"/v2/token"}) {
    INFO(challenge);
    const Puller client;
    const HttpServer server([challenge](const HttpRequest&) -> HttpReply {
      return {.status = 401, .headers = {std::string("WWW-Authenticate: ") + challenge}};
    });
    client.know_password_of(server);
    const Result result = client.pull(server);
    INFO(result.err);
    CHECK(result.status == 125);
    CHECK(server.requests("GET ") < 6);
  }
}

TEST_CASE("a token is fetched with the password once, and used for all that it is for") {
  const Puller client;
  const HttpServer server(twisted([](const HttpRequest& request) -> std::optional<HttpReply> {
    if (asks_for(request, "/token?")) {
      if (request.header("authorization") != kBasic) return HttpReply{.status = 401};
      return HttpReply{.body = R"({"token":"abc","expires_in":300})"};
    }
    if (request.header("authorization") == "Bearer abc") return std::nullopt;
    return HttpReply{.status = 401,
                     .headers = {"WWW-Authenticate: Bearer realm=\"http://" + request.header("host") +
                                 "/token\",service=\"the registry\",scope=\"ignored\""}};
  }));
  CHECK(contains(client.pull(server).err, "the registry wants a password"));
  client.know_password_of(server);
  client.check_good(server);
  CHECK(server.requests("/token?service=the%20registry&scope=repository%3Ax%3Apull&account=ada range= authorization=" +
                        kBasic) == 1);
  CHECK(server.requests("authorization=Bearer abc") == 3);
}

TEST_CASE("what a registry says does nothing to the terminal") {
  const Puller client;
  const HttpServer server([](const HttpRequest& request) -> HttpReply {
    if (request.target == "/v2/") return {};
    return {.status = 403, .body = "{\"errors\":[{\"message\":\"\\u001b]0;evil\\u0007\\nno\"}]}"};
  });
  const Result result = client.pull(server);
  CHECK(result.status == 125);
  CHECK(contains(result.err, "\\x1b]0;evil"));
  CHECK_FALSE(contains(result.err, "\x1b"));
}

TEST_CASE("a token that is not good any more is fetched anew, and one that never is ends the pull") {
  const Puller client;
  bool ever = true;
  SECTION("good after all") {}
  SECTION("never good") { ever = false; }
  const HttpServer server([ever, tokens = 0](const HttpRequest& request) mutable -> HttpReply {
    if (asks_for(request, "/token?")) return {.body = fmt::format(R"({{"access_token":"t{}"}})", ++tokens)};
    const bool expired = asks_for(request, "/blobs/") && tokens < 2;
    if (ever && !expired && request.header("authorization") == fmt::format("Bearer t{}", tokens)) {
      return answer(good_image(), request);
    }
    return {.status = 401, .headers = {"WWW-Authenticate: Bearer realm=\"/token\""}};
  });
  if (ever) {
    client.check_good(server);
    CHECK(server.requests("/token?") == 2);
  } else {
    client.check_refused(server, "the registry wants a password, or has no such thing");
    CHECK(server.requests("/token?") == 1);
  }
}

TEST_CASE("an identity token is shown to the token server alone") {
  const Puller client;
  const HttpServer server(twisted([](const HttpRequest& request) -> std::optional<HttpReply> {
    if (asks_for(request, "/token")) {
      const bool good = request.method == "POST" && contains(request.body, "refresh_token=identity");
      return HttpReply{.status = good ? 200 : 401, .body = R"({"access_token":"abc"})"};
    }
    if (request.header("authorization") == "Bearer abc") return std::nullopt;
    return HttpReply{
        .status = 401,
        .headers = {"WWW-Authenticate: Basic realm=\"x\"", "WWW-Authenticate: Bearer realm=\"/token\",service=\"s\""}};
  }));
  std::filesystem::create_directories(client.path() + "/docker");
  write_file(client.path() + "/docker/config.json",
             fmt::format(R"({{"auths": {{"{}": {{"identitytoken": "identity"}}}}}})", server.host()));
  client.check_good(server);
  CHECK(server.requests("identity") == 1);
  CHECK(server.requests("Basic") == 0);
}

TEST_CASE("an upload that is led elsewhere takes no password along, and goes over nothing but HTTPS") {
  const Puller client;
  const HttpServer other([](const HttpRequest&) -> HttpReply { return {.status = 201}; });
  std::string to = "http://" + other.host() + "/here";
  bool allowed = true;
  SECTION("to this machine") {}
  SECTION("over plain HTTP") {
    to = "http://example.org/here";
    allowed = false;
  }
  const HttpServer server([to](const HttpRequest& request) -> HttpReply {
    if (auto refused = ask_for_password(request, "Basic realm=\"x\"")) return *refused;
    if (request.method == "POST") return {.status = 202, .headers = {"Location: " + to}};
    return {.status = request.method == "PUT" ? 201 : 404};
  });
  client.know_password_of(server);
  client.import(server.host() + "/x");
  const Result result = client.run({"push", server.host() + "/x"});
  INFO(result.out << result.err);
  CHECK(result.status == (allowed ? 0 : 125));
  CHECK(contains(result.err, allowed ? "" : "which is not https"));
  CHECK(other.requests("PUT /here?digest=sha256") == (allowed ? 2 : 0));
  CHECK(other.requests("authorization= ") == (allowed ? 2 : 0));
}

TEST_CASE("an upload that fails in passing is made once more, from its beginning") {
  const Puller client;
  const HttpServer server([count = 0](const HttpRequest& request) mutable -> HttpReply {
    if (request.method == "POST") return {.status = 202, .headers = {"Location: /upload?state=1"}};
    if (request.method != "PUT") return {.status = 404};
    if (++count == 1) return {.status = 503};
    if (count == 2) return {.status = 0};
    if (asks_for(request, "/manifests/")) return {.status = 201};
    const bool whole = contains(request.target, "sha256%3A" + test::sha256(request.body));
    return {.status = whole ? 201 : 400};
  });
  client.import(server.host() + "/x");
  const Result result = client.run({"push", "-q", server.host() + "/x"});
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(result.out == server.host() + "/x:latest\n");
}

TEST_CASE("HTTPS leads to plain HTTP no more, not even on this machine") {
  const Puller client;
  const HttpServer plain(twisted([](const HttpRequest&) { return std::nullopt; }));
  const TemporaryDirectory directory;
  const std::string& path = directory.path();
  make_certificate(path);
  std::filesystem::create_directories(path + "/v2/x/manifests");
  write_file(path + "/v2/x/manifests/latest",
             "HTTP/1.0 302 Found\r\nLocation: http://" + plain.host() + "/v2/x/manifests/latest\r\n\r\n");
  const std::string host = "127.0.0.1:4999";
  Running server({"sh", "-c",
                  "cd '" + path + "' && exec openssl s_server -accept " + host +
                      " -cert ca.crt -key ca.key -HTTP -naccept 20 2>&1"});
  server.read_until("ACCEPT\n");
  std::filesystem::create_directories(client.path() + "/config/docker/certs.d/" + host);
  std::filesystem::copy_file(path + "/ca.crt", client.path() + "/config/docker/certs.d/" + host + "/ca.crt");
  const Result result = client.run({"pull", host + "/x"});
  INFO(result.err);
  CHECK(result.status == 125);
  CHECK(contains(result.err, "it leads to http://" + plain.host() + "/v2/x/manifests/latest, which is not https"));
  CHECK(plain.log().empty());
}

TEST_CASE("a config file that is no such file is named") {
  const Puller client;
  const HttpServer server(twisted([](const HttpRequest&) { return std::nullopt; }));
  std::filesystem::create_directories(client.path() + "/docker");
  std::filesystem::create_directories(client.path() + "/config/coracle");
  const std::string docker = client.path() + "/docker/config.json";
  const std::string ours = client.path() + "/config/coracle/registries.json";
  for (const char* bad : {"", "[", "[]", "1", "{\"credsStore\": \"../x\"}"}) {
    INFO(bad);
    write_file(docker, bad);
    const Result result = client.pull(server);
    INFO(result.err);
    CHECK(result.status == 125);
    CHECK(result.err.find('\n') == result.err.size() - 1);
  }
  write_file(docker, "{}");
  for (const char* bad : {"", "[]", "{\"insecure\": 1}", "{\"mirrors\": []}", "{\"insecrue\": []}",
                          "{\"mirrors\": {\"HOST\": [\"http://example.org\"]}}"}) {
    INFO(bad);
    std::string text = bad;
    if (const std::size_t at = text.find("HOST"); at != std::string::npos) text.replace(at, 4, server.host());
    write_file(ours, text);
    CHECK(client.pull(server).status == 125);
  }
  write_file(ours, "{}");
  client.check_good(server);
}
