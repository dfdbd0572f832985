// A layer on its way in: its bytes are unpacked, hashed as they came and uncompressed, and kept, all in one pass.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "image/manifest.hpp"
#include "image/store.hpp"
#include "parts/unpack.hpp"

namespace coracle::image {

// How far a blob is: bytes of `total` (0: not known). Called often, from other threads; what it throws ends the work.
using Progress = std::function<void(const Descriptor& blob, std::uint64_t bytes, std::uint64_t total)>;

struct Limits {
  std::uint64_t most_bytes = 64ULL << 30U;  // of a layer's files; CORACLE_MAX_LAYER sets another one
  std::uint64_t most_entries = 5'000'000;
};

// The limits, with those that the environment sets. Throws Error for what is no size.
Limits limits();

// Unpacks an archive that nobody vouches for: what its digests are is what they are computed to be. `name` is what
// errors call it. The media type is in the descriptor. xz, which is no layer's format, is kept uncompressed.
struct StagedLayer {
  NewLayer layer;
  Descriptor descriptor;
};
StagedLayer stage_layer(const Staging& staging, parts::Bytes archive, const std::string& name,
                        const Progress& progress = {});

// Adds an image made here: of the layers of `base`, a manifest in the store, and those just staged. Gives its id.
std::string add_image(Store& store, const Staging& staging, const std::vector<StagedLayer>& layers,
                      const std::vector<Descriptor>& base, const Config& config, const std::vector<Reference>& names);

// Unpacks a layer that a manifest names, and takes it into the store. `open` gives the bytes from an offset on.
// Throws Error when they are not those that the descriptor and the diff_id say.
void bring_layer(Store& store, const Staging& staging, const Descriptor& blob, const std::string& diff_id,
                 const std::function<parts::Bytes(std::uint64_t offset)>& open, const Progress& progress = {},
                 parts::Budget* memory = nullptr);

}  // namespace coracle::image
