#include "image/ingest.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <exception>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "image/digest.hpp"
#include "kernel/error.hpp"

namespace coracle::image {
namespace {

using kernel::Error;

constexpr std::size_t kAtOnce = 4;  // layers; each takes up to 20 MiB of memory

// Layers that are brought by several threads. The first error ends all of them.
class Bringing {
 public:
  Bringing(Store& store, Source& source, const Staging& staging, const Manifest& manifest, const Config& config,
           const Progress& progress)
      : store_(store), source_(source), staging_(staging), manifest_(manifest), config_(config), progress_(progress) {}

  void run() {
    std::vector<std::thread> threads;
    const std::size_t count = std::min(kAtOnce, manifest_.layers.size());
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are the caller's
    for (std::size_t i = 0; i < count; ++i) threads.emplace_back([this] { work(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    for (std::thread& thread : threads) thread.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void work() {
    try {
      // SQLite's connections are for one thread each, and so is what stands on one.
      Database database(store_.root());
      Store store(store_.root(), database);
      for (std::size_t i = next_++; i < manifest_.layers.size() && !failed_; i = next_++) bring(store, i);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failed_.exchange(true)) failure_ = std::current_exception();
    }
  }

  void bring(Store& store, std::size_t index) {
    const Descriptor& blob = manifest_.layers[index];
    const auto open = [&](std::uint64_t offset) { return source_.open(blob, offset); };
    const auto progress = [&](const Descriptor& of, std::uint64_t bytes, std::uint64_t total) {
      if (failed_) throw Error("read the blob " + of.digest, 0, "given up, because another layer failed");
      if (progress_) progress_(of, bytes, total);
    };
    bring_layer(store, staging_, blob, config_.diff_ids[index], open, progress);
    if (progress_) progress_(blob, blob.size, blob.size);
  }

  Store& store_;
  Source& source_;
  const Staging& staging_;
  const Manifest& manifest_;
  const Config& config_;
  const Progress& progress_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

std::string bring_config(Store& store, Source& source, const Descriptor& descriptor) {
  if (store.has_blob(descriptor.digest)) return store.document(descriptor.digest);
  return read_document(source.open(descriptor, 0), descriptor);
}

void bring_all(Store& store, Source& source, const Staging& staging, const std::string& manifest_bytes,
               const std::string& config_bytes, const Progress& progress) {
  const Manifest manifest = parse_manifest(manifest_bytes);
  const Config config = parse_config(config_bytes);
  if (config.diff_ids.size() != manifest.layers.size()) {
    throw Error("read an image", 0,
                fmt::format("its manifest has {} layers, and its configuration {}", manifest.layers.size(),
                            config.diff_ids.size()));
  }
  Bringing(store, source, staging, manifest, config, progress).run();
}

}  // namespace

std::string ingest(Store& store, Source& source, const std::string& manifest, const std::vector<Reference>& names,
                   const Progress& progress) {
  const std::string config = bring_config(store, source, parse_manifest(manifest).config);
  Staging staging = store.stage();
  try {
    bring_all(store, source, staging, manifest, config, progress);
    std::string id = store.add(staging, {manifest, config}, names);
    staging.remove();
    return id;
  } catch (...) {
    store.abandon(staging);
    throw;
  }
}

std::string read_document(const parts::Bytes& bytes, const Descriptor& descriptor) {
  if (descriptor.size > kMostDocument) {
    throw Error("read the blob " + descriptor.digest, 0,
                fmt::format("it has {} bytes, and 4 MiB is the most", descriptor.size));
  }
  std::string text(descriptor.size + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const std::size_t count = bytes(text.data() + size, text.size() - size);
    if (count == 0) break;
    size += count;
  }
  text.resize(size);
  if (size != descriptor.size) {
    throw Error("read the blob " + descriptor.digest, 0,
                fmt::format("it does not have the {} bytes it should have", descriptor.size));
  }
  const std::string digest = sha256(text);
  if (digest != descriptor.digest) {
    throw Error("verify the blob " + descriptor.digest, 0,
                "its content is " + digest + ": it is damaged or another one");
  }
  return text;
}

}  // namespace coracle::image
