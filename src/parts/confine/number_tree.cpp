#include "parts/confine/number_tree.hpp"

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

constexpr std::size_t kFarthest = 255;  // what a conditional jump reaches

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
  // The ranges from `begin` to before `end`: the lower half stands directly behind the comparison.
  void grow(std::size_t begin, std::size_t end) {
    if (end - begin == 1) return add_leaf(ranges_[begin].verdict);
    const std::size_t middle = begin + (end - begin) / 2;
    const std::size_t comparison = code.size();
    code.push_back({});
    code.push_back({});  // room for a long jump
    grow(begin, middle);
    const std::size_t distance = code.size() - (comparison + 2);
    if (distance > kFarthest) {
      code[comparison] = {BPF_JMP | BPF_JGE | BPF_K, 0, 1, ranges_[middle].first};
      code[comparison + 1] = go(distance);
    } else {
      code.erase(code.begin() + static_cast<std::ptrdiff_t>(comparison) + 1);
      for (Pending& jump : pending) {
        if (jump.place > comparison) --jump.place;
      }
      code[comparison] = {BPF_JMP | BPF_JGE | BPF_K, static_cast<std::uint8_t>(distance), 0, ranges_[middle].first};
    }
    grow(middle, end);
  }

  void add_leaf(const Verdict& verdict) {
    if (verdict.program != kReturn) pending.push_back({code.size(), verdict.program});
    code.push_back(verdict.program == kReturn ? give(verdict.action) : go(0));
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
