// One repository of one registry, as a client: distribution-spec (https://github.com/opencontainers/distribution-spec).
// Failures that pass are tried again here, except those in the middle of a blob.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>

#include "image/manifest.hpp"
#include "registry/auth.hpp"
#include "registry/http.hpp"

namespace coracle::registry {

struct Document {
  std::string bytes, digest;
};

class Registry {
 public:
  // `path` is the repository: "library/redis". With `push` the right to write is asked for.
  Registry(Http& http, const Endpoint& endpoint, std::string path, bool push = false);
  // The same with another password than the one that is stored.
  Registry(Http& http, Endpoint endpoint, std::string path, bool push, std::optional<Login> login);

  // A manifest or an index of a tag or a digest, which it is checked against. Throws Failure; status 404: none there.
  Document manifest(const std::string& tag_or_digest);

  // The blob's bytes from the offset on.
  Response blob(const std::string& digest, std::uint64_t offset);

  bool has_blob(const std::string& digest);
  // Takes the blob over from another repository of this registry; false when that is not granted.
  bool mount(const std::string& digest, const std::string& from);
  // `open` gives the blob's bytes; it is called again for another attempt.
  void upload(const image::Descriptor& blob, const std::function<parts::Bytes()>& open);
  void put_manifest(const std::string& tag, const std::string& media_type, const std::string& bytes);

  // Throws Failure when the registry does not answer, or not to us.
  void check();

  const std::string& path() const { return path_; }

 private:
  Response send(Request request, const Scopes& scopes);
  Response ask(const Request& request);
  std::string url(const std::string& rest);
  std::string base();
  Scopes scopes() const;
  std::string start_upload(const std::string& query, const Scopes& scopes, bool& mounted);

  Http& http_;
  Endpoint endpoint_;
  std::string path_;
  bool push_;
  Auth auth_;
  std::mutex mutex_;
  std::string base_;
  std::atomic<bool> reached_ = false;
};

}  // namespace coracle::registry
