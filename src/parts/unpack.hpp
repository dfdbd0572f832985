// A layer archive (tar, with gzip, zstd, xz or nothing around it) to a directory: the lower directories that
// the part `layers` stacks. Archives are hostile until proven otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "parts/unpack/decoder.hpp"
#include "parts/unpack/tree.hpp"

namespace coracle::parts {

inline constexpr std::int64_t kMostKept = 64 << 20;

struct UnpackOptions {
  // Called with the uncompressed bytes of the tar in their order, from a thread of its own: for the digest (diff_id).
  std::function<void(std::string_view)> uncompressed = {};
  std::uint64_t most_bytes = 64ULL << 30U;  // of file contents, holes not counted: a bomb ends here
  std::uint64_t most_entries = 5'000'000;
  bool whiteouts = true;     // .wh.NAME hides the NAME of the layers below; else it is a file like any other
  Budget* memory = nullptr;  // for what must be kept of directories until the end; none is one of kMostKept
};

struct Unpacked {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  // of file contents, holes not counted
};

// Whether the file begins as a tar does, under whatever compression.
bool is_archive(const std::string& path);

// Unpacks the archive into `directory`, which exists and is empty. Owners, modes (setuid too), times, xattrs,
// hard links, device nodes and holes are kept; OCI whiteouts become overlayfs's (character device 0:0 and
// the opaque xattr). No entry can write outside `directory`; what its names mean is written in unpack/tree.hpp.
// Throws kernel::Error, naming the entry; then the directory holds a part of the content and it is for the caller to
// remove it. A wrong checksum, a missing end and anything behind the end are such errors. Two threads of its own work
// along; they are gone when this returns or throws.
Unpacked unpack(const std::string& archive, const std::string& directory, const UnpackOptions& options = {});

// The same for bytes that come from elsewhere; `name` is what errors call the archive. They are read by a thread of
// its own, to their end.
Unpacked unpack(Bytes archive, const std::string& name, const std::string& directory,
                const UnpackOptions& options = {});

}  // namespace coracle::parts
