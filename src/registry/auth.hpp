// The Authorization header for a registry: a password (Basic, RFC 7617), or a token that a token server gives for it
// (Bearer; https://distribution.github.io/distribution/spec/auth/token/).
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "registry/credentials.hpp"
#include "registry/http.hpp"

namespace coracle::registry {

// "repository:library/redis:pull": what is to be allowed.
using Scopes = std::vector<std::string>;

class Auth {
 public:
  Auth(Http& http, std::optional<Login> login) : http_(http), login_(std::move(login)) {}

  // What is known to be asked for; "" in the beginning. For several threads.
  std::string header(const Scopes& scopes);

  // The same after an answer with status 401 to a request that had the header `used`. Throws Failure when nothing
  // that we have is asked for.
  std::string answer(const Transfer& response, const Scopes& scopes, const std::string& used);

  // Throws Failure: what we have is not enough.
  [[noreturn]] void deny(const Transfer& response) const;

 private:
  std::string fetch_token(const Transfer& response, const std::map<std::string, std::string>& challenge,
                          const Scopes& scopes);
  std::string basic() const;

  Http& http_;
  std::optional<Login> login_;
  std::mutex mutex_;
  bool basic_ = false;
  std::map<Scopes, std::string> tokens_;
};

}  // namespace coracle::registry
