#include "kernel/tree_size.hpp"

#include <memory>

#include <fts.h>
#include <sys/stat.h>

namespace coracle::kernel {

std::uint64_t tree_size(const std::string& path) {
  std::string name = path;
  char* const paths[] = {name.data(), nullptr};
  const std::unique_ptr<FTS, int (*)(FTS*)> tree(fts_open(paths, FTS_PHYSICAL | FTS_XDEV, nullptr), fts_close);
  std::uint64_t bytes = 0;
  while (const FTSENT* entry = tree ? fts_read(tree.get()) : nullptr) {
    const bool counted = entry->fts_info == FTS_D || entry->fts_info == FTS_F || entry->fts_info == FTS_SL;
    if (counted) bytes += static_cast<std::uint64_t>(entry->fts_statp->st_blocks) * 512;
  }
  return bytes;
}

}  // namespace coracle::kernel
