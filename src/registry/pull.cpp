#include "registry/pull.hpp"

#include <atomic>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "image/ingest.hpp"
#include "registry/registry.hpp"

namespace coracle::registry {
namespace {

using image::Descriptor;
using kernel::Error;

constexpr std::uint64_t kWorthAnotherTry = 64U << 10U;

// A blob that goes on where it broke off, and at another server when the first one fails for good.
class BlobReader {
 public:
  BlobReader(std::vector<Registry*> registries, const Descriptor& blob, std::uint64_t offset, const GoOn& go_on)
      : registries_(std::move(registries)), blob_(blob), at_(offset), retries_(go_on) {}

  std::size_t read(char* buffer, std::size_t size) {
    while (true) {
      if (at_ == blob_.size && !response_) return 0;
      try {
        if (!response_) response_ = registries_.front()->blob(blob_.digest, at_);
        const std::size_t count = response_->read(buffer, size);
        if (count == 0 && at_ < blob_.size) refuse_short();
        note_progress(count);
        return count;
      } catch (const Failure& failure) {
        response_.reset();
        go_on_after(failure);
      }
    }
  }

 private:
  void refuse_short() const {
    throw Failure(response_->attempt(), fmt::format("the blob ends after {} of {} bytes", at_, blob_.size));
  }

  // A server that gives a byte and breaks off gets no endless attention.
  void note_progress(std::size_t count) {
    at_ += count;
    moved_ += count;
    if (moved_ < kWorthAnotherTry) return;
    moved_ = 0;
    retries_.forget();
  }

  void go_on_after(const Failure& failure) {
    try {
      retries_.wait_after(failure);
    } catch (const Failure&) {
      if (registries_.size() == 1) throw;
      registries_.erase(registries_.begin());
      retries_.forget();
    }
  }

  std::vector<Registry*> registries_;
  Descriptor blob_;
  std::uint64_t at_;
  std::uint64_t moved_ = 0;
  Retries retries_;
  Response response_;
};

class RegistrySource : public image::Source {
 public:
  RegistrySource(Http& http, const PullRequest& request, std::atomic<bool>& cancelled)
      : http_(http), request_(request), cancelled_(cancelled) {
    for (const Endpoint& endpoint : http.hosts().endpoints(request.name.host)) {
      registries_.push_back(std::make_unique<Registry>(http, endpoint, request.name.path));
    }
  }

  // From the first server that has it; those before it are not asked again.
  Document manifest() {
    const image::Reference& name = request_.name;
    while (true) {
      try {
        return registries_.front()->manifest(name.digest.empty() ? name.tag : name.digest);
      } catch (const Failure& failure) {
        if (registries_.size() == 1) {
          if (failure.status == 404) throw Error("pull " + name.text(), 0, "the registry has no such image");
          throw;
        }
        registries_.erase(registries_.begin());
      }
    }
  }

  // One that an index names.
  std::string manifest(const Descriptor& chosen) {
    std::string bytes = registries_.front()->manifest(chosen.digest).bytes;
    if (bytes.size() == chosen.size) return bytes;
    throw Error("verify the manifest " + chosen.digest, 0,
                fmt::format("it has {} bytes, and the index says {}", bytes.size(), chosen.size));
  }

  parts::Bytes open(const Descriptor& blob, std::uint64_t offset) override {
    std::vector<Registry*> registries;
    for (const auto& registry : registries_) registries.push_back(registry.get());
    const auto reader = std::make_shared<BlobReader>(std::move(registries), blob, offset, http_.go_on());
    return [reader](char* buffer, std::size_t size) { return reader->read(buffer, size); };
  }

  void taken(const Descriptor& blob) override {
    if (request_.taken) request_.taken(blob);
  }
  void cancel() override { cancelled_ = true; }

 private:
  Http& http_;
  const PullRequest& request_;
  std::atomic<bool>& cancelled_;
  std::vector<std::unique_ptr<Registry>> registries_;
};

}  // namespace

Pulled pull(image::Store& store, const PullRequest& request) {
  std::atomic<bool> cancelled = false;
  Http http([&] {
    if (request.go_on) request.go_on();
    if (cancelled) throw Error("pull " + request.name.text(), 0, "given up, because another layer failed");
  });
  RegistrySource source(http, request, cancelled);
  const Document asked = source.manifest();
  std::string manifest = asked.bytes;
  if (image::is_index(manifest)) {
    const image::Index index = image::parse_index(manifest);
    manifest = source.manifest(choose(index, request.platform));
  }
  if (request.found) request.found(image::parse_manifest(manifest));
  image::Reference name = request.name;
  if (!name.digest.empty()) name.tag.clear();
  const auto before = store.look_up(name.text());
  name.digest = asked.digest;
  Pulled pulled{.id = ingest(store, source, manifest, {name}, request.progress), .digest = asked.digest};
  pulled.newer = !before || before->id != pulled.id;
  return pulled;
}

}  // namespace coracle::registry
