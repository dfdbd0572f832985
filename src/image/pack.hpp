// A directory to the tar of a layer: the way back from parts/unpack. What overlayfs notes in an upper directory becomes
// what image-spec layer.md has for it: a character device 0:0 the file .wh.NAME, an opaque directory the file
// .wh..wh..opq in it. The same tree gives the same bytes: sorted, no access times, whole seconds, ids and no names.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "kernel/fd.hpp"
#include "parts/unpack/decoder.hpp"

namespace coracle::image {

struct PackOptions {
  bool overlay = true;                      // an upper directory; else a plain tree
  std::optional<std::int64_t> latest_time;  // what was changed later is given this time (SOURCE_DATE_EPOCH)
  std::string only = {};                    // this entry of the tree's top alone, and what is below it
  std::function<bool(const std::string&)> leave_out = {};  // of paths in the tree: "etc/hosts"; with what is below
};

// The bytes of the tar, made as they are asked for. The tree may belong to somebody who is changing it: everything goes
// by descriptor, and no link is followed. Sockets are left out, and extended attributes but security.capability and
// user.*. The bytes throw Error.
parts::Bytes pack(kernel::Fd tree, PackOptions options = {});

}  // namespace coracle::image
