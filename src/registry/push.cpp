#include "registry/push.hpp"

#include <atomic>
#include <map>
#include <vector>

#include "image/at_once.hpp"
#include "registry/registry.hpp"

namespace coracle::registry {
namespace {

using image::Descriptor;

constexpr std::size_t kAtOnce = 4;
constexpr std::size_t kMostMounts = 3;  // repositories that are asked for a blob

class Pusher {
 public:
  Pusher(image::Store& store, Http& http, const PushRequest& request)
      : store_(store),
        request_(request),
        registry_(http, http.hosts().origin(request.name.host), request.name.path, true) {}

  // The repositories there that may have the blob as well.
  void find_mounts(const Descriptor& blob) {
    const std::string host = request_.name.host + "/";
    for (const std::string& repository : store_.repositories_with(blob.digest, request_.name.host)) {
      const std::string path = repository.substr(host.size());
      std::vector<std::string>& paths = mounts_[blob.digest];
      if (path != request_.name.path && paths.size() < kMostMounts) paths.push_back(path);
    }
  }

  // Gives what became of it.
  std::string send(const Descriptor& blob) {
    if (registry_.has_blob(blob.digest)) return "Layer already exists";
    const auto mounts = mounts_.find(blob.digest);
    if (mounts != mounts_.end()) {
      for (const std::string& path : mounts->second) {
        if (registry_.mount(blob.digest, path)) return "Mounted from " + path;
      }
    }
    registry_.upload(blob, [&] { return bytes_of(blob); });
    return "Pushed";
  }

  void send_manifest(const std::string& media_type, const std::string& bytes) {
    registry_.put_manifest(request_.name.tag, media_type, bytes);
  }

 private:
  parts::Bytes bytes_of(const Descriptor& blob) const {
    return [this, blob, file = parts::bytes_of(store_.blob_path(blob.digest)), sent = std::uint64_t{0}](
               char* buffer, std::size_t size) mutable {
      const std::size_t count = file(buffer, size);
      sent += count;
      if (request_.progress) request_.progress(blob, sent, blob.size);
      return count;
    };
  }

  image::Store& store_;
  const PushRequest& request_;
  Registry registry_;
  std::map<std::string, std::vector<std::string>> mounts_;
};

}  // namespace

Pushed push(image::Store& store, const PushRequest& request) {
  const image::Image image = store.find(request.name.text());
  const std::string bytes = store.document(image.manifest);
  const image::Manifest manifest = image::parse_manifest(bytes);
  std::atomic<bool> failed = false;
  Http http([&] {
    if (request.go_on) request.go_on();
    if (failed) throw kernel::Error("push " + request.name.text(), 0, "given up, because another layer failed");
  });
  if (request.found) request.found(manifest);
  Pusher pusher(store, http, request);
  for (const Descriptor& layer : manifest.layers) pusher.find_mounts(layer);
  const auto send = [&](std::size_t i) {
    const std::string outcome = pusher.send(manifest.layers[i]);
    if (request.done) request.done(manifest.layers[i], outcome);
  };
  image::at_once(kAtOnce, manifest.layers.size(), send, [&] { failed = true; });
  pusher.send(manifest.config);
  pusher.send_manifest(manifest.media_type, bytes);
  image::Reference known = request.name;
  known.tag.clear();
  known.digest = image.manifest;
  store.name(image.manifest, known);
  return {image.manifest, bytes.size()};
}

}  // namespace coracle::registry
