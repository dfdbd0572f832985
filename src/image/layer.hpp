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

// Unpacking within the limits that the environment sets: CORACLE_MAX_LAYER, the bytes of a layer's files. Throws Error
// for what is no size.
parts::UnpackOptions unpack_options(std::function<void(std::string_view)> uncompressed = {},
                                    parts::Budget* memory = nullptr);

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
