// An image of one layer, and a registry in a handler that has it: both can be made to lie.
#pragma once

#include <map>

#include "support/http_server.hpp"

namespace coracle::test {

struct FakeImage {
  // `layer` is a tar; as it travels it is compressed with gzip.
  explicit FakeImage(const std::string& tar);

  // Makes configuration and manifest anew, of what the fields are now.
  void seal();
  std::string layer_digest() const;

  std::string layer, diff_id;
  std::string config, manifest;
  std::string extra = {};       // fields of the layer's descriptor: ,"urls":["https://..."]
  std::int64_t size_said = -1;  // of the layer; -1: the true one
};

// A megabyte that does not compress, and a file /hello.
std::string big_tar();

// What a registry says that has the image in every repository, under every tag; it knows ranges.
HttpReply answer(const FakeImage& image, const HttpRequest& request);

// "sha256:..." of the bytes.
std::string digest_of(const std::string& bytes);

}  // namespace coracle::test
