#include "image/ingest.hpp"

#include <atomic>

#include <fmt/format.h>

#include "image/at_once.hpp"
#include "image/digest.hpp"
#include "kernel/error.hpp"

namespace coracle::image {
namespace {

using kernel::Error;

constexpr std::size_t kAtOnce = 4;  // layers; each takes up to 20 MiB of memory

// Layers that are brought by several threads. The first error ends all of them.
void bring_layers(const Store& store, Source& source, const Staging& staging, const Manifest& manifest,
                  const Config& config, const Progress& progress) {
  std::atomic<bool> failed = false;
  const auto tell = [&](const Descriptor& blob, std::uint64_t bytes, std::uint64_t total) {
    if (failed) throw Error("read the blob " + blob.digest, 0, "given up, because another layer failed");
    if (progress) progress(blob, bytes, total);
  };
  parts::Budget memory = parts::kMostKept;
  const auto bring = [&](std::size_t index) {
    const Descriptor& blob = manifest.layers[index];
    // SQLite's connections are for one thread each, and so is what stands on one.
    Database database(store.root());
    Store own(store.root(), database);
    const auto open = [&](std::uint64_t offset) { return source.open(blob, offset); };
    bring_layer(own, staging, blob, config.diff_ids[index], open, tell, &memory);
    tell(blob, blob.size, blob.size);
    source.taken(blob);
  };
  at_once(kAtOnce, manifest.layers.size(), bring, [&] {
    failed = true;
    source.cancel();
  });
}

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
  bring_layers(store, source, staging, manifest, config, progress);
}

}  // namespace

std::string ingest(Store& store, Source& source, const std::string& manifest, const std::vector<Reference>& names,
                   const Progress& progress) {
  const std::string config = bring_config(store, source, parse_manifest(manifest).config);
  return store.staged([&](const Staging& staging) {
    bring_all(store, source, staging, manifest, config, progress);
    return store.add(staging, {manifest, config}, names);
  });
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
  verify("the blob " + descriptor.digest, descriptor.digest, sha256(text));
  return text;
}

}  // namespace coracle::image
