// Registries that lie, break off, lead elsewhere and never come to an end.
#include <chrono>
#include <csignal>

#include <fmt/format.h>

#include "e2e/client.hpp"
#include "hostile/hostile.hpp"
#include "kernel/inode.hpp"
#include "support/at_terminal.hpp"
#include "support/fake_image.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

using Then = HttpReply::Then;
using std::chrono::seconds;
using std::chrono::steady_clock;

const FakeImage& good_image() {
  static const FakeImage image(big_tar());
  return image;
}

bool asks_for(const HttpRequest& request, const std::string& part) { return contains(request.target, part); }
bool asks_for_layer(const HttpRequest& request) { return asks_for(request, good_image().layer_digest()); }

// A registry that has the good image and says something else to some requests.
using Twist = std::function<std::optional<HttpReply>(const HttpRequest&)>;
HttpServer::Handler twisted(const Twist& twist) {
  return [twist](const HttpRequest& request) {
    auto reply = twist(request);
    return reply ? *std::move(reply) : answer(good_image(), request);
  };
}

std::size_t entries(const std::string& directory) {
  return kernel::exists(directory) ? kernel::list(kernel::open(directory, O_RDONLY | O_DIRECTORY)).size() : 0;
}

class Puller : public Client {
 public:
  // `coracle pull` of x:latest, with variables of its own.
  Words pull_words(const HttpServer& server, const Words& variables = {}) const {
    Words words = command({"pull", server.host() + "/x"});
    words.insert(words.begin() + 1, variables.begin(), variables.end());
    return words;
  }
  Result pull(const HttpServer& server, const Words& variables = {}) const {
    return test::run(pull_words(server, variables));
  }

  void check_good(const HttpServer& server, const Words& variables = {}) const {
    const Result result = pull(server, variables);
    INFO(result.out << result.err);
    CHECK(result.status == 0);
    CHECK(entries(path() + "/partial") == 0);
    CHECK(entries(path() + "/layers/sha256") == 1);
  }

  // Fails for that reason, in one line, and leaves no image.
  void check_refused(const HttpServer& server, const std::string& why, const Words& variables = {}) const {
    const Result result = pull(server, variables);
    INFO(result.out << result.err);
    CHECK(result.status == 125);
    CHECK(contains(result.err, why));
    CHECK(result.err.find('\n') == result.err.size() - 1);
    CHECK(output({"images", "-q"}).empty());
    CHECK(entries(path() + "/tmp") == 0);
    CHECK(entries(path() + "/layers/sha256") == 0);
  }

  // The password "secret" of the user "ada".
  void know_password_of(const HttpServer& server) const {
    std::filesystem::create_directories(path() + "/docker");
    write_file(path() + "/docker/config.json",
               fmt::format(R"({{"auths": {{"{}": {{"auth": "YWRhOnNlY3JldA=="}}}}}})", server.host()));
  }
};

const std::string kBasic = "Basic YWRhOnNlY3JldA==";

std::optional<HttpReply> ask_for_password(const HttpRequest& request, const std::string& challenge) {
  if (!request.header("authorization").empty()) return std::nullopt;
  return HttpReply{.status = 401, .headers = {"WWW-Authenticate: " + challenge}};
}

}  // namespace

TEST_CASE("a layer that is another one, too long or too short is refused") {
  const Puller client;
  std::string layer = good_image().layer;
  const char* why = "";
  SECTION("another one") {
    layer.back() = static_cast<char>(~layer.back());
    why = "";
  }
  SECTION("too long") {
    layer += "more";
    why = "it is longer than the";
  }
  SECTION("too short") {
    layer.pop_back();
    why = "the blob ends after";
  }
  SECTION("empty") {
    layer.clear();
    why = "the blob ends after 0 of";
  }
  const HttpServer server(twisted([layer](const HttpRequest& request) -> std::optional<HttpReply> {
    if (!asks_for_layer(request)) return std::nullopt;
    return HttpReply{.body = layer};
  }));
  client.check_refused(server, why);
  const HttpServer good(twisted([](const HttpRequest&) { return std::nullopt; }));
  client.check_good(good);
}

TEST_CASE("a layer that never ends, and one that is said to be endless, end") {
  const Puller client;
  const HttpServer server(twisted([](const HttpRequest& request) -> std::optional<HttpReply> {
    if (!asks_for_layer(request)) return std::nullopt;
    return HttpReply{.body = good_image().layer, .then = Then::endless};
  }));
  client.check_refused(server, "it is longer than the");
}

TEST_CASE("a manifest of more than 4 MiB is not read to its end") {
  const Puller client;
  HttpReply reply{.body = std::string(10U << 20U, ' ')};
  SECTION("10 MiB") {}
  SECTION("without an end") { reply.then = Then::endless; }
  const HttpServer server(twisted([reply](const HttpRequest& request) -> std::optional<HttpReply> {
    if (!asks_for(request, "/manifests/")) return std::nullopt;
    return reply;
  }));
  client.check_refused(server, "longer than 4194304 bytes");
}

TEST_CASE("headers without an end are not read to their end") {
  const Puller client;
  const HttpServer server(twisted([](const HttpRequest& request) -> std::optional<HttpReply> {
    if (!asks_for(request, "/manifests/")) return std::nullopt;
    HttpReply reply;
    for (int i = 0; i < 1000; ++i) reply.headers.push_back(fmt::format("X-{}: {}", i, std::string(1000, 'x')));
    return reply;
  }));
  client.check_refused(server, "its headers are longer than 64 KiB");
}

TEST_CASE("a manifest that is not the one that was asked for is refused") {
  const Puller client;
  SECTION("by the digest that the registry says itself") {
    const HttpServer server(twisted([](const HttpRequest& request) -> std::optional<HttpReply> {
      if (!asks_for(request, "/manifests/")) return std::nullopt;
      return HttpReply{.headers = {"Docker-Content-Digest: " + digest_of("other")}, .body = good_image().manifest};
    }));
    client.check_refused(server, "verify the manifest " + digest_of("other"));
  }
  SECTION("by the digest in the name") {
    const HttpServer server(twisted([](const HttpRequest&) { return std::nullopt; }));
    const Result result = client.run({"pull", server.host() + "/x@" + digest_of("other")});
    CHECK(result.status == 125);
    CHECK(contains(result.err, "verify the manifest " + digest_of("other")));
  }
  SECTION("by the digest or the size in an index") {
    const bool size = GENERATE(true, false);
    const std::string digest = size ? digest_of(good_image().manifest) : digest_of("other");
    const std::string index = fmt::format(
        R"({{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":)"
        R"("application/vnd.oci.image.manifest.v1+json","digest":"{}","size":7}}]}})",
        digest);
    const HttpServer server(twisted([index](const HttpRequest& request) -> std::optional<HttpReply> {
      if (!asks_for(request, "/manifests/latest")) return std::nullopt;
      return HttpReply{.body = index};
    }));
    client.check_refused(server, "verify the manifest " + digest);
  }
}

TEST_CASE("what is an index to one reader and a manifest to another is neither") {
  const Puller client;
  const HttpServer server(twisted([](const HttpRequest& request) -> std::optional<HttpReply> {
    if (!asks_for(request, "/manifests/")) return std::nullopt;
    const std::string& manifest = good_image().manifest;
    return HttpReply{.body = manifest.substr(0, manifest.size() - 1) + R"(,"manifests":[]})"};
  }));
  client.check_refused(server, "it has a field \"manifests\" as well");
}

TEST_CASE("a connection that breaks in the middle of a layer is made again, and goes on from there") {
  const Puller client;
  bool knows_ranges = true;
  SECTION("with a registry that knows ranges") {}
  SECTION("with one that does not") { knows_ranges = false; }
  const HttpServer server([knows_ranges, count = 0](const HttpRequest& request) mutable -> HttpReply {
    HttpRequest asked = request;
    if (!knows_ranges) asked.headers.erase("range");
    HttpReply reply = answer(good_image(), asked);
    if (!asks_for_layer(request) || ++count > 2) return reply;
    reply.claimed = static_cast<std::int64_t>(reply.body.size());
    reply.body.resize(reply.body.size() * 2 / 3);
    reply.then = Then::close;
    return reply;
  });
  client.check_good(server);
  CHECK(server.requests(good_image().layer_digest()) == 3);
  CHECK(server.requests("range=bytes=") == 2);
}

TEST_CASE("another range than the one that was asked for is not taken for it") {
  const Puller client;
  const HttpServer server([](const HttpRequest& request) -> HttpReply {
    HttpReply reply = answer(good_image(), request);
    if (!asks_for_layer(request)) return reply;
    if (!request.header("range").empty()) {
      return {.status = 206, .headers = {"Content-Range: bytes 0-9/10"}, .body = std::string(10, 'x')};
    }
    reply.claimed = static_cast<std::int64_t>(reply.body.size());
    reply.body.resize(reply.body.size() / 2);
    reply.then = Then::close;
    return reply;
  });
  client.check_refused(server, "it sends another range");
}

TEST_CASE("a registry that always breaks off is given up") {
  const Puller client;
  const HttpServer server(twisted([](const HttpRequest& request) -> std::optional<HttpReply> {
    if (!asks_for_layer(request)) return std::nullopt;
    return HttpReply{.body = "", .claimed = 1000, .then = Then::close};
  }));
  const auto begin = steady_clock::now();
  client.check_refused(server, good_image().layer_digest());
  CHECK(steady_clock::now() - begin < seconds(15));
  CHECK(server.requests(good_image().layer_digest()) == 6);
}

TEST_CASE("a registry that falls silent is given up after a while, and asked again in the middle of a layer") {
  const Puller client;
  const Words impatient = {"CORACLE_HTTP_TIMEOUT=1"};
  SECTION("in the middle of a layer") {
    const HttpServer server([count = 0](const HttpRequest& request) mutable -> HttpReply {
      HttpReply reply = answer(good_image(), request);
      if (!asks_for_layer(request) || ++count > 1) return reply;
      reply.claimed = static_cast<std::int64_t>(reply.body.size());
      reply.body.resize(reply.body.size() / 2);
      reply.then = Then::hang;
      return reply;
    });
    client.check_good(server, impatient);
    CHECK(server.requests("range=bytes=") == 1);
  }
  SECTION("in the beginning") {
    const HttpServer server(twisted([](const HttpRequest& request) -> std::optional<HttpReply> {
      if (!asks_for(request, "/manifests/")) return std::nullopt;
      return HttpReply{.body = "", .claimed = 1000, .then = Then::hang};
    }));
    client.check_refused(server, "next to nothing, came for 1 seconds", impatient);
  }
}

TEST_CASE("a registry that is busy is asked again when it says so") {
  const Puller client;
  const HttpServer server([count = 0](const HttpRequest& request) mutable -> HttpReply {
    if (asks_for_layer(request) && ++count == 1) return {.status = 503, .headers = {"Retry-After: 2"}};
    if (asks_for(request, "/manifests/") && ++count == 1) return {.status = 429};
    return answer(good_image(), request);
  });
  const auto begin = steady_clock::now();
  client.check_good(server);
  CHECK(server.requests("/manifests/") == 2);
  const auto took = steady_clock::now() - begin;
  CHECK(took < seconds(10));
}

TEST_CASE("a registry that wants us to come back in two seconds is given two seconds") {
  const Puller client;
  const HttpServer server([count = 0](const HttpRequest& request) mutable -> HttpReply {
    if (asks_for_layer(request) && ++count == 1) return {.status = 503, .headers = {"Retry-After: 2"}};
    return answer(good_image(), request);
  });
  const auto begin = steady_clock::now();
  client.check_good(server);
  CHECK(steady_clock::now() - begin >= seconds(2));
}

TEST_CASE("one that wants us to come back tomorrow is not waited for") {
  const Puller client;
  const HttpServer server([](const HttpRequest& request) -> HttpReply {
    if (asks_for_layer(request)) return {.status = 503, .headers = {"Retry-After: 86400"}};
    return answer(good_image(), request);
  });
  client.check_refused(server, "the answer is 503");
}

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

TEST_CASE("an archive that grows beyond the limit is refused") {
  const Puller client;
  const FakeImage image(Tar().file("zeros", std::string(32U << 20U, '\0')).bytes());
  const HttpServer server([image](const HttpRequest& request) { return answer(image, request); });
  client.check_refused(server, "more than", {"CORACLE_MAX_LAYER=8m"});
  client.check_good(server, {"CORACLE_MAX_LAYER=64m"});
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

TEST_CASE("Ctrl-C ends a pull at once, and the next one goes on where it was") {
  const Puller client;
  const HttpServer server([count = 0](const HttpRequest& request) mutable -> HttpReply {
    HttpReply reply = answer(good_image(), request);
    if (!asks_for_layer(request) || ++count > 1) return reply;
    reply.claimed = static_cast<std::int64_t>(reply.body.size());
    reply.body.resize(reply.body.size() / 2);
    reply.then = Then::hang;
    return reply;
  });
  int signal = SIGINT;
  SECTION("SIGINT") {}
  SECTION("SIGKILL") { signal = SIGKILL; }
  Running pull(client.pull_words(server));
  const std::string partial = client.path() + "/partial/" + good_image().layer_digest().substr(7);
  REQUIRE(eventually([&] { return kernel::exists(partial) && std::filesystem::file_size(partial) > 500'000; }));
  const auto begin = steady_clock::now();
  pull.signal(signal);
  const Result result = pull.wait();
  INFO(result.err);
  CHECK(result.status == 128 + signal);
  CHECK(steady_clock::now() - begin < seconds(3));
  client.check_good(server);
  CHECK(server.requests("range=bytes=") == 1);
}

TEST_CASE("Ctrl-C ends a pull that waits for another one") {
  const Puller client;
  const HttpServer server(twisted([](const HttpRequest& request) -> std::optional<HttpReply> {
    if (!asks_for_layer(request)) return std::nullopt;
    return HttpReply{.body = "", .claimed = 1000, .then = Then::hang};
  }));
  Running first(client.pull_words(server));
  first.read_until("Pulling fs layer\n");
  REQUIRE(eventually([&] { return server.requests(good_image().layer_digest()) == 1; }));
  Running second(client.pull_words(server));
  second.read_until("Pulling fs layer\n");
  const auto begin = steady_clock::now();
  second.signal(SIGTERM);
  CHECK(second.wait().status == 128 + SIGTERM);
  CHECK(steady_clock::now() - begin < seconds(3));
  CHECK(server.requests(good_image().layer_digest()) == 1);
  first.signal(SIGTERM);
  CHECK(first.wait().status == 128 + SIGTERM);
}

TEST_CASE("mirrors are asked first, and the registry itself for what they do not have") {
  const Puller client;
  const HttpServer lacking([](const HttpRequest&) -> HttpReply { return {.status = 404}; });
  const HttpServer half(twisted([](const HttpRequest& request) -> std::optional<HttpReply> {
    if (!asks_for_layer(request)) return std::nullopt;
    return HttpReply{.status = 404};
  }));
  const HttpServer origin(twisted([](const HttpRequest&) { return std::nullopt; }));
  std::filesystem::create_directories(client.path() + "/config/coracle");
  write_file(client.path() + "/config/coracle/registries.json",
             fmt::format(R"({{"mirrors": {{"{}": ["http://127.0.0.1:1", "http://{}/", "http://{}"]}}}})", origin.host(),
                         lacking.host(), half.host()));
  client.check_good(origin);
  CHECK(lacking.requests("/manifests/latest") == 1);
  CHECK(half.requests("/manifests/latest") == 1);
  CHECK(origin.requests("/manifests/") == 0);
  CHECK(origin.requests(good_image().layer_digest()) == 1);
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

TEST_CASE("a pull at a terminal shows how far it is, and Ctrl-C ends it") {
  const Puller client;
  const HttpServer server([](const HttpRequest& request) -> HttpReply {
    HttpReply reply = answer(good_image(), request);
    if (!asks_for_layer(request)) return reply;
    reply.claimed = static_cast<std::int64_t>(reply.body.size());
    reply.body.resize(reply.body.size() / 2);
    reply.then = Then::hang;
    return reply;
  });
  AtTerminal pull(client.pull_words(server), 24, 120);
  const std::string id = good_image().layer_digest().substr(7, 12);
  pull.read_until(id + ": Pulling fs layer\r\n");
  pull.read_until(id + ": Downloading [=");
  pull.read_until("B/1.05MB");
  pull.type("\x03");
  CHECK(pull.wait() == 128 + SIGINT);
  CHECK(contains(pull.screen(), "ended by SIGINT"));
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
