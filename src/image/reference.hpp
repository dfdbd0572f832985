// The names of images: [HOST[:PORT]/]PATH[:TAG][@DIGEST], by the grammar of distribution's reference package, which is
// docker's (https://pkg.go.dev/github.com/distribution/reference). "redis" means docker.io/library/redis:latest.
#pragma once

#include <string>

namespace coracle::image {

struct Reference {
  std::string host;    // "docker.io", "example.org:5000"
  std::string path;    // "library/redis", "team/web"
  std::string tag;     // "7.2"; "" when a digest alone was given
  std::string digest;  // "sha256:HEX", or ""

  // "docker.io/library/redis": what the store calls it.
  std::string repository() const { return host + "/" + path; }

  // As docker shows it: "redis:latest", "example.org:5000/team/web@sha256:...".
  std::string text() const;
};

// Throws Error with what was read and what is allowed.
Reference parse_reference(const std::string& text);

// "redis" for "docker.io/library/redis".
std::string familiar(const std::string& repository);

}  // namespace coracle::image
