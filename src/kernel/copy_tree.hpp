// A directory copied with all that it is: cp -a by descriptors, for trees that somebody else wrote and may still
// be changing. inode(7), xattr(7), sendfile(2), lseek(2) "Seeking file data and holes".
#pragma once

#include <string>

#include "kernel/fd.hpp"

namespace coracle::kernel {

// Makes `name` below `parent`, where nobody else works, a copy of the directory `from`: contents with their holes,
// links, hard links within the tree, devices, owners, modes, xattrs, times of change. What is mounted inside `from`
// is left out. An xattr that the other file system cannot hold is left out too, as cp -a does. Needs the host's
// /proc. Throws Error; then a part of the copy is there.
void copy_tree(const Fd& from, const Fd& parent, const std::string& name);

// Writes the first `size` bytes of one regular file to another, which is empty; holes stay holes.
void copy_contents(const Fd& from, const Fd& to, off_t size);

// Gives the file `to` the owner, the mode, the xattrs and the times of the file `from`; both may be opened O_PATH.
void copy_attributes(const Fd& from, const Fd& to);

}  // namespace coracle::kernel
