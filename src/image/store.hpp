// The store of images: every layer, configuration and manifest once, named by its digest.
//
//     ROOT/state.db             which images there are, what they are called, what they are made of (database.hpp)
//     ROOT/blobs/sha256/HEX     manifests, configurations, and layers as they travel (compressed)
//     ROOT/layers/sha256/HEX/   layers, unpacked; HEX is the digest of the uncompressed tar (diff_id)
//     ROOT/partial/HEX          blobs that are being brought (claim.hpp)
//     ROOT/tmp/                 what is being made
//
// A blob or a layer is there complete and verified, or not there: it is moved to its place in the transaction that
// says so, and rows go before files when it is removed. All of it is closed to other users: layers hold setuid
// programs that belong to containers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "image/claim.hpp"
#include "image/config.hpp"
#include "image/database.hpp"
#include "image/manifest.hpp"
#include "image/reference.hpp"
#include "image/staging.hpp"

namespace coracle::image {

struct Image {
  std::string id;  // digest of the configuration
  Config config;
  std::string manifest;  // its digest
};

// A layer that is complete and verified, in files that add_layer() moves.
struct NewLayer {
  std::string blob, digest;  // as it travels: a file, and the digest of it
  std::uint64_t blob_size = 0;
  std::string directory, diff_id;  // unpacked
  std::uint64_t size = 0;          // bytes of its files
};

// An image whose layers are in the store. Both are the very bytes that their digests name.
struct NewImage {
  std::string manifest, config;
};

struct Listed {
  std::string repository, tag;  // "redis"; "" for an image that has no name any more
  std::string id;
  std::string manifest;
  std::string digest;        // what the repository's registry calls it, or ""
  std::int64_t created = 0;  // seconds since 1970
  std::uint64_t size = 0;    // bytes of its layers' files
};

class Store {
 public:
  // Makes what is missing below `root`.
  Store(std::string root, Database& database);

  // The image of that name, digest, id or beginning of an id. Throws Error when there is none, or more than one.
  Image find(const std::string& name);
  // The same; nothing when there is none.
  std::optional<Image> look_up(const std::string& name);

  // The same of the id alone, also when the image is damaged.
  std::string find_id(const std::string& name);
  bool has(const std::string& name) { return locate(name).has_value(); }

  // The directories of the image's layers, the lowest first. Throws Error when one is not there.
  std::vector<std::string> layer_directories(const Config& config) const;

  // All images, the newest first.
  std::vector<Listed> list();

  bool has_blob(const std::string& digest);
  // Where the blob is, or would be.
  std::string blob_path(const std::string& digest) const;
  // The bytes of a manifest or a configuration.
  std::string document(const std::string& digest) const;
  // The diff_id of the layer whose blob that is; nothing when it is not here.
  std::optional<std::string> layer_of(const std::string& digest);

  // Repositories of that host whose images have the blob: "docker.io/library/redis". By what was pulled and pushed.
  std::vector<std::string> repositories_with(const std::string& blob, const std::string& host);

  // A place for the making of an image. While one is held, nothing is collected.
  Staging stage() { return Staging(root_ + "/tmp"); }
  // The right to bring that blob; see claim.hpp.
  // Calls `act` with such a place, gives what it gives, and takes the place away whatever comes of it.
  template <typename Act>
  auto staged(Act act) {
    Staging staging = stage();
    try {
      if constexpr (std::is_void_v<decltype(act(staging))>) {
        act(staging);
        staging.remove();
      } else {
        auto made = act(staging);
        staging.remove();
        return made;
      }
    } catch (...) {
      abandon(staging);
      throw;
    }
  }
  Claim claim(const std::string& digest, const std::function<void()>& waiting = {}) const;

  // Takes a layer in. What is there already stays as it is.
  void add_layer(const NewLayer& layer);

  // Takes an image in and gives it those names (none: it dangles), all or nothing. Gives its id. Throws Error when one
  // of its layers is not in the store.
  std::string add(const Staging& staging, const NewImage& image, const std::vector<Reference>& names);

  // Gives a manifest that is here one more name; another one loses it.
  void name(const std::string& manifest, const Reference& name);

  // Removes blobs and layers that no image has, and says how many bytes that were: of files, unpacked. Not while an
  // image is being made: then it gives 0, and the next one finds them.
  std::uint64_t collect();

  // Removes what has been gathered of blobs that nobody is bringing, and says how many bytes that were.
  std::uint64_t forget_partial();

  // Removes a staging directory, with what may have been moved out of it into the store and is not spoken of there.
  void discard(Staging& staging);

  // The same after a failure, of which its caller tells: what cannot be removed now, the next command sweeps.
  void abandon(Staging& staging) noexcept;

  // The same for those whose makers were killed.
  void sweep();

  const std::string& root() const { return root_; }
  Database& database() { return database_; }

 private:
  std::string layer_path(const std::string& diff_id) const;
  struct Found {
    std::string id, manifest;
  };
  std::optional<Found> locate(const std::string& name);
  std::optional<Found> by_name(const std::string& name);
  std::optional<Found> by_id(const std::string& name);

  std::string root_;
  Database& database_;
};

// /var/lib/coracle, for an ordinary user $XDG_DATA_HOME/coracle, else ~/.local/share/coracle; $CORACLE_ROOT before it.
std::string default_root();

// Makes the directory where everything lives, for this user alone. Throws Error when it may not be used.
void make_root(const std::string& root);

}  // namespace coracle::image
