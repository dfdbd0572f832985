#include "parts/confine/number_tree.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <linux/seccomp.h>

namespace coracle::parts {
namespace {

using kernel::FilterProgram;

constexpr sock_filter load(std::size_t offset) {
  return {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)};
}
constexpr sock_filter give(std::uint32_t action) { return {BPF_RET | BPF_K, 0, 0, action}; }
constexpr sock_filter go(std::size_t distance) {
  return {BPF_JMP | BPF_JA, 0, 0, static_cast<std::uint32_t>(distance)};
}

// A conditional jump reaches 255 instructions: as many as this number of ranges needs at most, comparisons and leaves.
constexpr std::size_t kMostRanges = 128;

// An instruction that goes to a program, whose distance is not known yet.
struct Pending {
  std::size_t place;
  std::uint32_t program;
};

class Tree {
 public:
  explicit Tree(const std::vector<Range>& ranges) : ranges_(ranges) { grow(0, ranges.size()); }

  FilterProgram code;
  std::vector<Pending> pending;

 private:
  // A jump of the comparison at `place` to the leaf number `leaf`.
  struct ToLeaf {
    std::size_t place, leaf;
    std::uint8_t sock_filter::*jump;
  };

  // The ranges from `begin` to before `end`: in pieces that conditional jumps can reach across.
  void grow(std::size_t begin, std::size_t end) {
    if (end - begin <= kMostRanges) return add_piece(begin, end);
    const std::size_t middle = begin + (end - begin) / 2;
    code.push_back({BPF_JMP | BPF_JGE | BPF_K, 0, 1, ranges_[middle].first});
    const std::size_t jump = code.size();
    code.push_back({});
    grow(begin, middle);
    code[jump] = go(code.size() - (jump + 1));
    grow(middle, end);
  }

  // The comparisons, and behind them each different leaf once.
  void add_piece(std::size_t begin, std::size_t end) {
    std::vector<Verdict> leaves;
    std::vector<ToLeaf> jumps;
    if (end - begin == 1) leaves.push_back(ranges_[begin].verdict);
    if (end - begin > 1) compare(begin, end, leaves, jumps);
    for (const ToLeaf& jump : jumps) {
      code[jump.place].*jump.jump = static_cast<std::uint8_t>(code.size() + jump.leaf - (jump.place + 1));
    }
    for (const Verdict& verdict : leaves) {
      if (verdict.program != kReturn) pending.push_back({code.size(), verdict.program});
      code.push_back(verdict.program == kReturn ? give(verdict.action) : go(0));
    }
  }

  void compare(std::size_t begin, std::size_t end, std::vector<Verdict>& leaves, std::vector<ToLeaf>& jumps) {
    const std::size_t middle = begin + (end - begin) / 2;
    const std::size_t place = code.size();
    code.push_back({BPF_JMP | BPF_JGE | BPF_K, 0, 0, ranges_[middle].first});
    const auto branch = [&](std::size_t from, std::size_t to, std::uint8_t sock_filter::*jump) {
      if (to - from == 1) return jumps.push_back({place, leaf_of(ranges_[from].verdict, leaves), jump});
      code[place].*jump = static_cast<std::uint8_t>(code.size() - (place + 1));
      compare(from, to, leaves, jumps);
    };
    branch(begin, middle, &sock_filter::jf);
    branch(middle, end, &sock_filter::jt);
  }

  static std::size_t leaf_of(const Verdict& verdict, std::vector<Verdict>& leaves) {
    const auto found = std::find(leaves.begin(), leaves.end(), verdict);
    if (found == leaves.end()) leaves.push_back(verdict);
    return static_cast<std::size_t>(std::find(leaves.begin(), leaves.end(), verdict) - leaves.begin());
  }

  const std::vector<Range>& ranges_;
};

}  // namespace

std::uint32_t FilterAssembly::add_program(FilterProgram program) {
  programs_.push_back(std::move(program));
  return static_cast<std::uint32_t>(programs_.size() - 1);
}

void FilterAssembly::add_architecture(std::uint32_t audit, std::vector<Range> ranges) {
  architectures_[audit] = std::move(ranges);
}

FilterProgram FilterAssembly::assemble() const {
  FilterProgram filter = {load(offsetof(seccomp_data, arch))};
  std::vector<Pending> pending;
  for (const auto& [audit, ranges] : architectures_) {
    const Tree tree(ranges);
    filter.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, audit});
    filter.push_back(go(tree.code.size() + 1));
    filter.push_back(load(offsetof(seccomp_data, nr)));
    for (const Pending& jump : tree.pending) pending.push_back({filter.size() + jump.place, jump.program});
    filter.insert(filter.end(), tree.code.begin(), tree.code.end());
  }
  filter.push_back(give(SECCOMP_RET_KILL_THREAD));
  std::vector<std::size_t> begins;
  for (const FilterProgram& program : programs_) {
    begins.push_back(filter.size());
    filter.insert(filter.end(), program.begin(), program.end());
  }
  for (const Pending& jump : pending) filter[jump.place] = go(begins[jump.program] - (jump.place + 1));
  return filter;
}

}  // namespace coracle::parts
