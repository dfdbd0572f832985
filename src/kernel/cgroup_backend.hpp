// What the two backends of cgroupfs.hpp share. For them alone.
#pragma once

#include <string_view>

#include "kernel/cgroupfs.hpp"
#include "kernel/error.hpp"

namespace coracle::kernel {

// A group below `mount`, where a cgroup2 file system is mounted.
std::unique_ptr<Cgroup> make_cgroup_v2(const std::string& mount, const std::string& name);
std::unique_ptr<Cgroup> make_cgroup_v1(const std::string& name);

// Whether a file system of this type (a magic number of statfs(2)) is mounted at `path`.
bool is_file_system(const std::string& path, long magic);

// mkdir of a group's directory.
void make_group(const std::string& path);

// rmdir of a group's directory and those below it. False when there are processes in one of them.
bool remove_group(const std::string& path);

// The first number of a file, or the one behind `key` in a file of "key number" lines. 0 when it is not there.
std::uint64_t read_counter(const std::string& file, std::string_view key = {});

// Something in a group takes longer than any program can have a reason for: 10 s.
constexpr int kPatienceMs = 10'000;

// The Error for a controller that the host has not got or has not mounted.
Error missing_controller(const std::string& controller, const std::string& where);

}  // namespace coracle::kernel
