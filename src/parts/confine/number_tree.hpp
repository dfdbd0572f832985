// A filter put together from ranges of system call numbers: in the machine that seccomp(2) has, "classic BPF"
// (bpf(4) of FreeBSD, the kernel's Documentation/networking/filter.rst).
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "kernel/seccomp.hpp"

namespace coracle::parts {

constexpr std::uint32_t kReturn = ~0U;

// What becomes of a call: the filter returns `action`, or goes on with one of the programs.
struct Verdict {
  std::uint32_t action = 0;
  std::uint32_t program = kReturn;  // kReturn, or what add_program() gave

  bool operator==(const Verdict& other) const {
    return program == other.program && (program != kReturn || action == other.action);
  }
};

// The numbers from `first` to that of the next range.
struct Range {
  std::uint32_t first;
  Verdict verdict;
};

class FilterAssembly {
 public:
  // Gives the name that a Verdict calls it by.
  std::uint32_t add_program(kernel::FilterProgram program);

  // `audit` is AUDIT_ARCH_*. `ranges` are sorted, and the first begins at 0.
  void add_architecture(std::uint32_t audit, std::vector<Range> ranges);

  // Other architectures are killed.
  kernel::FilterProgram assemble() const;

 private:
  std::map<std::uint32_t, std::vector<Range>> architectures_;
  std::vector<kernel::FilterProgram> programs_;
};

}  // namespace coracle::parts
