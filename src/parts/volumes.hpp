// Part: volumes. What is not the container's own: directories and files of the host, named volumes that
// outlive it, and memory (tmpfs).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "parts/part.hpp"

namespace coracle::parts {

// A named volume that is a file system of its own, or a directory elsewhere: docker volume create -o type= -o device=
// -o o=. What is in them is checked by parse_device().
struct VolumeDevice {
  std::string type;     // "" is none: then the volume is a directory of ours
  std::string device;   // what to mount
  std::string options;  // as mount(8) has them behind -o
};

struct Volume {
  enum class Kind { bind, named, tmpfs } kind = Kind::bind;
  std::string source;       // bind: a path of the host; named: the volume's name
  std::string destination;  // absolute, inside the container
  bool readonly = false;
  std::uint64_t size = 0;    // tmpfs: bytes at most; 0 is the kernel's default
  unsigned mode = 01777;     // tmpfs: of its root
  bool make_source = true;   // bind: a directory of the host that is missing is made
  std::string propagation;   // bind: of mounts made later, on either side: "rslave"; "" is rprivate
  bool copy = true;          // named: filled at its first use with what the image has there
  bool anonymous = false;    // named: its name is by chance, and it goes with its container
  std::string idmap;         // bind and named: with what ids its files are shown (volumes/idmap.hpp); "" as they are
  VolumeDevice device = {};  // named
};

struct VolumeOptions {
  std::vector<Volume> volumes;
  std::string volumes_dir;  // where named volumes live: DIR/NAME/_data
};

std::unique_ptr<Part> make_volumes(VolumeOptions options);

// Read docker's -v HOST:DEST[:MODE,...] and -v NAME:DEST[:MODE,...] with ro, rw, nocopy, rslave, ... (a HOST that
// begins with ./ or ../ is looked up from the working directory), -v DEST, which leaves the name to be found, --tmpfs
// DEST[:OPTION,...] with size=64m, mode=755, ro, and --mount type=bind,source=HOST,target=DEST,... Throw Error with
// what was read and what is allowed.
Volume parse_volume(const std::string& text);
Volume parse_tmpfs(const std::string& text);
Volume parse_mount(const std::string& text);

// The same volume with its destination cleaned of "." and "..". Throws Error when its name or its destination is
// none: every volume passes here, wherever it was written down.
Volume checked(Volume volume);

// Throws Error when it is no name for a volume.
void check_volume_name(const std::string& name);

// The options of a volume in docker's words: type, device, o. Throws Error for others, or when one of them is missing.
VolumeDevice parse_device(const std::map<std::string, std::string>& options);

}  // namespace coracle::parts
