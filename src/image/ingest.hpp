// An image that comes from elsewhere, by its manifest: what is missing of it is brought, several layers at once, and
// nothing is taken in that is not what its digest says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "image/layer.hpp"
#include "image/store.hpp"

namespace coracle::image {

// Where blobs come from: a registry, a directory, an archive.
class Source {
 public:
  virtual ~Source() = default;
  // The bytes of a blob from an offset on. Called from several threads. Throws Error when it is not there; so do
  // the bytes when they cannot be read to their end.
  virtual parts::Bytes open(const Descriptor& blob, std::uint64_t offset) = 0;
  // The layer is in the store. Called from several threads.
  virtual void taken(const Descriptor&) {}
  // Another blob has failed: whoever waits for this one may give up. Called from any thread.
  virtual void cancel() {}
};

// Gives the id. `manifest` are the very bytes of it, whose digest the caller has checked. When it throws, no image was
// added; layers that were complete are kept for the next attempt, until collect().
std::string ingest(Store& store, Source& source, const std::string& manifest, const std::vector<Reference>& names,
                   const Progress& progress = {});

// A document of at most 4 MiB that must be what the descriptor says. Throws Error when it is not.
std::string read_document(const parts::Bytes& bytes, const Descriptor& descriptor);

}  // namespace coracle::image
