// The passwords of registries, where docker keeps them: $DOCKER_CONFIG/config.json, else ~/.docker/config.json, or the
// helper programs that it names. https://docs.docker.com/reference/cli/docker/login/#credential-stores
#pragma once

#include <optional>
#include <string>

namespace coracle::registry {

struct Login {
  std::string user, password;
  std::string identity_token;  // in place of both: what a token server gave for them
};

class Credentials {
 public:
  Credentials();

  // For the host in an image's name ("docker.io", "example.org:5000"); nothing when there is none. Throws Error when
  // the file or the helper is not what it should be.
  std::optional<Login> get(const std::string& host) const;

  // Other fields of the file stay as they are; it is replaced at once, and closed to other users.
  void store(const std::string& host, const Login& login) const;

  // False when there was none.
  bool erase(const std::string& host) const;

  const std::string& path() const { return path_; }
  // Whether a helper keeps the password of that host.
  bool has_helper(const std::string& host) const;

 private:
  std::string path_;
};

// RFC 4648. Decoding gives nothing for what is no base64.
std::string base64(const std::string& bytes);
std::optional<std::string> from_base64(const std::string& text);

}  // namespace coracle::registry
