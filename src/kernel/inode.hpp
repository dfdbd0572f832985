// What a file is besides its name: its bytes, type, owner, mode, times and extended attributes; inode(7), xattr(7).
// Everything here goes by a descriptor, or by one name in an open directory, and never through a link.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "kernel/fd.hpp"

namespace coracle::kernel {

// fstatat(2) of the name itself; nothing when nothing is there. An empty name means the descriptor.
std::optional<struct stat> fstatat(const Fd& directory, const std::string& name);

std::string readlinkat(const Fd& directory, const std::string& name);

// Where the file behind a descriptor is at the moment, as /proc/self/fd has it: an absolute path without links.
std::string real_path(const Fd& fd);

// A second name for what `old_name` stands for: for the link itself when it is a symbolic link.
void linkat(const Fd& old_directory, const std::string& old_name, const Fd& directory, const std::string& name);

// These take any descriptor, also one opened O_PATH.
void fchown(const Fd& fd, uid_t uid, gid_t gid);
void fchmod(const Fd& fd, mode_t mode);
void utimensat(const Fd& fd, const timespec& access, const timespec& modification);
void setxattr(const Fd& fd, const std::string& name, std::string_view value);

// All of `bytes` at `offset`; a gap before it is a hole.
void pwrite_all(const Fd& fd, std::string_view bytes, off_t offset);
void ftruncate(const Fd& fd, off_t size);

// The value, at most 256 bytes; nothing when the attribute is not there, or the file system knows no such attributes.
std::optional<std::string> getxattr(const Fd& fd, const std::string& name);

// All of them, with their values. None where the file system knows no such attributes.
std::vector<std::pair<std::string, std::string>> xattrs(const Fd& fd);

// Opens a regular file inside `root` for reading, links followed inside it. An empty Fd when there is none: a device or
// a fifo is not even opened, because that may do something already.
Fd find_regular_in_root(const Fd& root, const std::string& path);

// The names in a directory, sorted, without "." and "..".
std::vector<std::string> list(const Fd& directory);

}  // namespace coracle::kernel
