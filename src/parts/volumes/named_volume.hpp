// A named volume as it lies on the host: DIRECTORY/_data is what containers see. It is made at its first use and,
// as long as it is empty, filled with what the image has at the place where it is mounted.
//
// Filling can be killed at any moment, and two containers may begin at once. So DIRECTORY is locked (flock(2)), the
// copy is made beside _data, and a rename says that it is complete:
//
//     _filling   a copy under way; found under the lock it is abandoned, and removed
//     _filled    a complete copy whose entries are being moved to _data; found under the lock they are moved on
#pragma once

#include <functional>
#include <string>

#include "kernel/fd.hpp"

namespace coracle::parts {

// Gives _data of the volume in `directory` opened O_PATH, made and filled when that is due. `image` is the
// directory to fill it from, also its owner and mode; or empty when the image has nothing there. The directory that
// `directory` is made in exists.
kernel::Fd open_named_volume(const std::string& directory, const kernel::Fd& image);

// The directory of a volume, made when missing, with its lock held (flock(2)).
kernel::Fd lock_volume(const std::string& directory);

// Its _data opened O_PATH, made when missing.
kernel::Fd open_volume_data(const kernel::Fd& directory);

// Removes the volume with all that is in it. `check` is called under its lock; what it throws is thrown. Throws Error
// with EBUSY when something is mounted on it.
void remove_named_volume(const std::string& directory, const std::function<void()>& check);

// Removes what a failed or killed start left half-made; a volume with _data stays.
void tidy_named_volume(const std::string& directory);

}  // namespace coracle::parts
