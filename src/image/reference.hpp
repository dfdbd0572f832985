// The names of images: [HOST[:PORT]/]PATH[:TAG], by the grammar of distribution's reference package, which is
// docker's (https://pkg.go.dev/github.com/distribution/reference).
#pragma once

#include <string>

namespace coracle::image {

struct Reference {
  std::string repository;      // "redis", "example.org:5000/team/web"
  std::string tag = "latest";  // "7.2"

  std::string text() const { return repository + ":" + tag; }
};

// Throws Error with what was read and what is allowed.
Reference parse_reference(const std::string& text);

}  // namespace coracle::image
