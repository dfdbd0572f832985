// A registry of the test's own: distribution's, which Debian calls docker-registry.
#pragma once

#include <memory>

#include "support/support.hpp"

namespace coracle::test {

// Makes ca.crt, for 127.0.0.1, and ca.key in the directory.
void make_certificate(const std::string& directory);

class DockerRegistry {
 public:
  enum class Kind {
    plain,   // HTTP, for everybody
    closed,  // HTTPS, for the user "ada" with the password "pass:word"
  };
  explicit DockerRegistry(Kind kind = Kind::plain);

  const std::string& host() const { return host_; }  // "127.0.0.1:5001"
  // The certificate of a closed one.
  std::string certificate() const { return directory_.path() + "/ca.crt"; }
  // The requests that it had: lines that hold `part`, "GET /v2/team/box/blobs/".
  std::size_t requests(const std::string& part) const;

 private:
  TemporaryDirectory directory_;
  std::string host_;
  std::unique_ptr<Running> running_;
};

}  // namespace coracle::test
