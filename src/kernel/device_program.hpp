// Which device files the processes of a cgroup version 2 may use: version 2 has no file for it, it asks a small
// program (BPF_PROG_TYPE_CGROUP_DEVICE; bpf(2), linux/bpf.h, admin-guide/cgroup-v2.rst "Device controller").
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kernel/fd.hpp"

struct bpf_insn;

namespace coracle::kernel {

struct DeviceMatch {
  bool allow = false;
  char type = 'a';                            // 'c', 'b', or 'a' for both
  std::optional<std::uint32_t> major, minor;  // unset: any
  bool read = true, write = true, mknod = true;
};

// The program that allows what the last rule that fits allows; what none fits is refused. A rule to allow fits an
// access that asks for no more than it names, a rule to deny one that asks for any of what it names.
std::vector<bpf_insn> device_program(const std::vector<DeviceMatch>& rules);

// Loads the program and attaches it to the group `directory`; it stays until the group goes. Programs of groups above
// decide as well: each has to allow.
void attach_device_program(const Fd& directory, const std::vector<bpf_insn>& program);

}  // namespace coracle::kernel
