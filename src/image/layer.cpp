#include "image/layer.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "image/digest.hpp"
#include "kernel/error.hpp"
#include "kernel/inode.hpp"
#include "kernel/recorder.hpp"
#include "parts/cgroup.hpp"

namespace coracle::image {
namespace {

using kernel::Error;

// An end that progress() asked for is told as it is, and not as an error in the archive.
class Ending {
 public:
  explicit Ending(const Progress& progress) : progress_(progress) {}

  void tell(const Descriptor& blob, std::uint64_t bytes, std::uint64_t total) {
    if (!progress_) return;
    try {
      progress_(blob, bytes, total);
    } catch (...) {
      ended_ = std::current_exception();
      throw;
    }
  }
  void rethrow() const {
    if (ended_) std::rethrow_exception(ended_);
  }

 private:
  const Progress& progress_;
  std::exception_ptr ended_;
};

std::string new_directory(const Staging& staging) {
  static std::atomic<unsigned> count = 0;
  std::string directory = fmt::format("{}/layer-{}", staging.path(), count++);
  // The top of the layer may be entered by every user of the container, also when the archive does not say so.
  kernel::make_directories(directory, 0755);
  return directory;
}

// The bytes of a blob as they come: those that are in the claim's file already, then those that are brought. They are
// counted, hashed and kept in that file.
class Arrival {
 public:
  Arrival(const Claim& claim, const Descriptor& blob, const std::function<parts::Bytes(std::uint64_t)>& open,
          Ending& ending)
      : claim_(claim), blob_(blob), open_(open), ending_(ending), kept_(claim.size()) {
    if (kept_ > blob.size) {
      claim.empty();
      kept_ = 0;
    }
  }

  std::uint64_t kept() const { return kept_; }
  // What the source has thrown.
  std::exception_ptr source_failure() const { return source_failure_; }

  std::size_t read(char* buffer, std::size_t size) {
    const std::size_t count = done_ < kept_ ? read_kept(buffer, size) : read_new(buffer, size);
    hash_.update({buffer, count});
    done_ += count;
    ending_.tell(blob_, done_, blob_.size);
    if (done_ > blob_.size) {
      throw Error("read the blob " + blob_.digest, 0,
                  fmt::format("it is longer than the {} bytes it should have", blob_.size));
    }
    if (count == 0 && done_ < blob_.size) {
      throw Error("read the blob " + blob_.digest, 0, fmt::format("it ends after {} of {} bytes", done_, blob_.size));
    }
    return count;
  }

  // All has been read.
  void check() { verify("the blob " + blob_.digest, blob_.digest, hash_.finish()); }

 private:
  std::size_t read_kept(char* buffer, std::size_t size) {
    const auto offset = static_cast<off_t>(done_);
    const std::size_t most = std::min<std::uint64_t>(size, kept_ - done_);
    const auto call = [&] { return ::pread(claim_.file().get(), buffer, most, offset); };
    return static_cast<std::size_t>(kernel::attempt(call, "pread {}", claim_.path()));
  }

  std::size_t read_new(char* buffer, std::size_t size) {
    std::size_t count = 0;
    try {
      if (!source_) source_ = open_(kept_);
      count = source_(buffer, size);
    } catch (...) {
      source_failure_ = std::current_exception();
      throw;
    }
    kernel::pwrite_all(claim_.file(), {buffer, count}, static_cast<off_t>(done_));
    return count;
  }

  const Claim& claim_;
  const Descriptor& blob_;
  const std::function<parts::Bytes(std::uint64_t)>& open_;
  Ending& ending_;
  parts::Bytes source_;
  Sha256 hash_;
  std::uint64_t kept_ = 0;
  std::uint64_t done_ = 0;
  std::exception_ptr source_failure_;
};

void verify_uncompressed(const Descriptor& blob, const std::string& diff_id, const std::string& found) {
  if (found == diff_id) return;
  throw Error("verify the layer " + blob.digest, 0,
              "uncompressed it is " + found + ", and the configuration says " + diff_id);
}

void bring(Store& store, const Staging& staging, const Claim& claim, const Descriptor& blob, const std::string& diff_id,
           Arrival& arrival, parts::Budget* memory) {
  const std::string directory = new_directory(staging);
  Sha256 uncompressed;
  const auto bytes = [&](char* buffer, std::size_t size) { return arrival.read(buffer, size); };
  const auto options = unpack_options([&](std::string_view piece) { uncompressed.update(piece); }, memory);
  const parts::Unpacked unpacked = parts::unpack(bytes, blob.digest, directory, options);
  arrival.check();
  verify_uncompressed(blob, diff_id, uncompressed.finish());
  store.add_layer({claim.path(), blob.digest, blob.size, directory, diff_id, unpacked.bytes});
}

bool is_here(Store& store, const Descriptor& blob, const std::string& diff_id) {
  const auto known = store.layer_of(blob.digest);
  if (known) verify_uncompressed(blob, diff_id, *known);
  return known.has_value();
}

}  // namespace

parts::UnpackOptions unpack_options(std::function<void(std::string_view)> uncompressed, parts::Budget* memory) {
  parts::UnpackOptions options{.uncompressed = std::move(uncompressed), .memory = memory};
  const char* text = std::getenv("CORACLE_MAX_LAYER");
  if (text != nullptr && *text != '\0') {
    options.most_bytes = static_cast<std::uint64_t>(parts::parse_memory(text).limit.value_or(0));
  }
  return options;
}

StagedLayer stage_layer(const Staging& staging, parts::Bytes archive, const std::string& name,
                        const Progress& progress) {
  StagedLayer staged;
  NewLayer& layer = staged.layer;
  layer.directory = new_directory(staging);
  layer.blob = layer.directory + ".blob";
  const kernel::Fd blob = kernel::open(layer.blob, O_WRONLY | O_CREAT | O_EXCL, 0600);
  Sha256 raw;
  Sha256 uncompressed;
  std::optional<parts::Compression> compression;
  std::uint64_t taken = 0;
  Ending ending(progress);
  const auto keep = [&](std::string_view piece) {
    kernel::write_all(blob, piece);
    raw.update(piece);
    layer.blob_size += piece.size();
  };
  const auto bytes = [&](char* buffer, std::size_t size) {
    const std::size_t count = archive(buffer, size);
    if (!compression) compression = parts::compression_of({buffer, count});
    if (compression != parts::Compression::xz) keep({buffer, count});
    taken += count;
    ending.tell(staged.descriptor, taken, 0);
    return count;
  };
  const auto options = unpack_options([&](std::string_view piece) {
    if (compression == parts::Compression::xz) keep(piece);
    uncompressed.update(piece);
  });
  try {
    layer.size = parts::unpack(bytes, name, layer.directory, options).bytes;
  } catch (...) {
    ending.rethrow();
    throw;
  }
  layer.digest = raw.finish();
  layer.diff_id = uncompressed.finish();
  const char* suffix = compression == parts::Compression::gzip   ? "+gzip"
                       : compression == parts::Compression::zstd ? "+zstd"
                                                                 : "";
  staged.descriptor = {.media_type = std::string(kOciLayer) + suffix, .digest = layer.digest, .size = layer.blob_size};
  return staged;
}

std::string add_image(Store& store, const Staging& staging, const std::vector<StagedLayer>& layers,
                      const std::vector<Descriptor>& base, const Config& config, const std::vector<Reference>& names) {
  const std::string json = to_json(config);
  Manifest manifest{.media_type = kOciManifest, .layers = base};
  for (Descriptor& layer : manifest.layers) {
    if (layer.media_type == kDockerLayer) layer.media_type = std::string(kOciLayer) + "+gzip";
  }
  manifest.config = {.media_type = kOciConfig, .digest = sha256(json), .size = json.size()};
  for (const StagedLayer& staged : layers) {
    store.add_layer(staged.layer);
    manifest.layers.push_back(staged.descriptor);
  }
  return store.add(staging, {to_json(manifest), json}, names);
}

void bring_layer(Store& store, const Staging& staging, const Descriptor& blob, const std::string& diff_id,
                 const std::function<parts::Bytes(std::uint64_t)>& open, const Progress& progress,
                 parts::Budget* memory) {
  if (is_here(store, blob, diff_id)) return;
  if (blob.size > unpack_options().most_bytes) {
    throw Error("read the layer " + blob.digest, EFBIG,
                fmt::format("it has {} bytes; CORACLE_MAX_LAYER sets the most", blob.size));
  }
  const Claim claim = store.claim(blob.digest, [&] {
    if (progress) progress(blob, 0, blob.size);
  });
  while (!is_here(store, blob, diff_id)) {  // somebody else may have brought it while we waited for the claim
    Ending ending(progress);
    Arrival arrival(claim, blob, open, ending);
    try {
      return bring(store, staging, claim, blob, diff_id, arrival, memory);
    } catch (const Error&) {
      ending.rethrow();
      // What has come so far is good, and the next attempt goes on from there.
      if (arrival.source_failure()) std::rethrow_exception(arrival.source_failure());
      claim.empty();
      if (arrival.kept() == 0) throw;  // else what a killed process had gathered may be what is damaged: once more
    }
  }
}

}  // namespace coracle::image
