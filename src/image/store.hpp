// The store of images: every layer and every configuration once, named by its digest.
//
//     ROOT/state.db             which images there are and what they are called (database.hpp)
//     ROOT/blobs/sha256/HEX     configurations
//     ROOT/layers/sha256/HEX/   layers, unpacked; HEX is the digest of the uncompressed tar (diff_id)
//     ROOT/tmp/                 what is being made; a layer is there complete and verified, or not there
//
// All of it is closed to other users: layers hold setuid programs that belong to containers.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "image/config.hpp"
#include "image/database.hpp"
#include "image/reference.hpp"
#include "image/staging.hpp"

namespace coracle::image {

struct Image {
  std::string id;  // sha256:HEX
  Config config;
};

// A layer that is complete in a staging directory.
struct StagedLayer {
  std::string path;
  std::string diff_id;
  std::uint64_t size = 0;  // bytes of its files
};

struct Listed {
  std::string repository, tag;  // "" for an image that has no name any more
  std::string id;
  std::int64_t created = 0;  // seconds since 1970
  std::uint64_t size = 0;    // bytes of its layers' files
};

class Store {
 public:
  // Makes what is missing below `root`.
  Store(std::string root, Database& database);

  // The image of that name, id or beginning of an id. Throws Error when there is none, or more than one.
  Image find(const std::string& name);

  // The directories of the image's layers, the lowest first. Throws Error when one is not there.
  std::vector<std::string> layer_directories(const Config& config) const;

  // All images, the newest first.
  std::vector<Listed> list();

  // A place for the making of an image.
  Staging stage() { return Staging(root_ + "/tmp"); }

  // Takes the layers and the configuration in and gives the image its name, all or nothing. Layers that are there
  // already stay as they are. Gives the image's id.
  std::string add(const Staging& staging, const std::vector<StagedLayer>& layers, const Config& config,
                  const Reference& name);

  // Removes a staging directory, with what add() may have left of it in the store when it did not come to its end.
  void discard(Staging& staging);

  // The same for those whose makers were killed.
  void sweep();

 private:
  std::string blob_path(const std::string& digest) const;
  std::string layer_path(const std::string& diff_id) const;
  std::string find_id(const std::string& name);

  std::string root_;
  Database& database_;
};

// /var/lib/coracle, for an ordinary user $XDG_DATA_HOME/coracle, else ~/.local/share/coracle; $CORACLE_ROOT before it.
std::string default_root();

// Makes the directory where everything lives, for this user alone. Throws Error when it may not be used.
void make_root(const std::string& root);

}  // namespace coracle::image
