// Part: volumes. What is not the container's own: directories and files of the host, named volumes that
// outlive it, and memory (tmpfs).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "parts/part.hpp"

namespace coracle::parts {

struct Volume {
  enum class Kind { bind, named, tmpfs } kind = Kind::bind;
  std::string source;       // bind: a path of the host; named: the volume's name
  std::string destination;  // absolute, inside the container
  bool readonly = false;
  std::uint64_t size = 0;  // tmpfs: bytes at most; 0 is the kernel's default
  unsigned mode = 01777;   // tmpfs: of its root
};

struct VolumeOptions {
  std::vector<Volume> volumes;
  std::string volumes_dir;  // where named volumes live: DIR/NAME/_data
};

std::unique_ptr<Part> make_volumes(VolumeOptions options);

// Read docker's -v HOST:DEST[:ro|rw] and -v NAME:DEST[:ro|rw] (a HOST that begins with ./ or ../ is looked up from
// the working directory), and --tmpfs DEST[:OPTION,...] with size=64m, mode=755, ro. Throw Error with what was read
// and what is allowed.
Volume parse_volume(const std::string& text);
Volume parse_tmpfs(const std::string& text);

// The same volume with its destination cleaned of "." and "..". Throws Error when its name or its destination is
// none: every volume passes here, wherever it was written down.
Volume checked(Volume volume);

}  // namespace coracle::parts
