// Registries that lie, break off and never come to an end.
#include <chrono>
#include <csignal>

#include "hostile/puller.hpp"
#include "support/at_terminal.hpp"

using namespace coracle;
using namespace coracle::test;
using std::chrono::seconds;
using std::chrono::steady_clock;

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

TEST_CASE("an archive that grows beyond the limit is refused") {
  const Puller client;
  const FakeImage image(Tar().file("zeros", std::string(32U << 20U, '\0')).bytes());
  const HttpServer server([image](const HttpRequest& request) { return answer(image, request); });
  client.check_refused(server, "more than", {"CORACLE_MAX_LAYER=8m"});
  client.check_good(server, {"CORACLE_MAX_LAYER=64m"});
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
