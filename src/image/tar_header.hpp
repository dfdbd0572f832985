// The headers of a tar: ustar, and a pax header before it for what ustar has no room for; pax(1p), "pax Interchange
// Format". Written here and not by libarchive, whose writer brings all its formats along, and differs with its version.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace coracle::image {

struct TarMember {
  std::string name;
  char type = '0';   // '0' file, '1' hard link, '2' symbolic link, '3' '4' character and block device, '5' directory,
                     // '6' fifo
  std::string link;  // of links: where to
  unsigned mode = 0, uid = 0, gid = 0;
  std::int64_t modification = 0;  // seconds
  std::uint64_t size = 0;
  unsigned device_major = 0, device_minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;
};

// All blocks before the member's contents.
std::string tar_header(const TarMember& member);

// What fills up contents of that size to whole blocks.
std::string tar_padding(std::uint64_t size);

// The end of the archive.
std::string tar_end();

}  // namespace coracle::image
