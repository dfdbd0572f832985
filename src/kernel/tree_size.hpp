// What a tree takes of the disk; fts(3), which follows no link and notices when a directory is swapped under it.
#pragma once

#include <cstdint>
#include <string>

namespace coracle::kernel {

// Bytes of the blocks of all files below `path`, on its own file system; 0 when it is not there. A file with several
// names counts once for each.
std::uint64_t tree_size(const std::string& path);

}  // namespace coracle::kernel
