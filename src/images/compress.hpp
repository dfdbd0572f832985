// gzip for layers that are made here, by Intel's ISA-L (igzip_lib.h): many times as fast as zlib, for a few percent
// more bytes. An image's id speaks of uncompressed layers, so it does not depend on this; a manifest's digest does.
#pragma once

#include "parts/unpack/decoder.hpp"

namespace coracle::images {

// The same bytes always become the same bytes (with one version of the library): no name, no time.
parts::Bytes compress(parts::Bytes bytes);

}  // namespace coracle::images
