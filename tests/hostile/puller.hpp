// What the tests of hostile registries share.
#pragma once

#include <optional>

#include <fmt/format.h>

#include "e2e/client.hpp"
#include "hostile/hostile.hpp"
#include "kernel/inode.hpp"
#include "support/fake_image.hpp"

namespace coracle::test {

using Then = HttpReply::Then;

inline const FakeImage& good_image() {
  static const FakeImage image(big_tar());
  return image;
}

inline bool asks_for(const HttpRequest& request, const std::string& part) { return contains(request.target, part); }
inline bool asks_for_layer(const HttpRequest& request) { return asks_for(request, good_image().layer_digest()); }

// A registry that has the good image and says something else to some requests.
using Twist = std::function<std::optional<HttpReply>(const HttpRequest&)>;
inline HttpServer::Handler twisted(const Twist& twist) {
  return [twist](const HttpRequest& request) {
    auto reply = twist(request);
    return reply ? *std::move(reply) : answer(good_image(), request);
  };
}

inline std::size_t entries(const std::string& directory) {
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

inline const std::string kBasic = "Basic YWRhOnNlY3JldA==";

inline std::optional<HttpReply> ask_for_password(const HttpRequest& request, const std::string& challenge) {
  if (!request.header("authorization").empty()) return std::nullopt;
  return HttpReply{.status = 401, .headers = {"WWW-Authenticate: " + challenge}};
}

}  // namespace coracle::test
