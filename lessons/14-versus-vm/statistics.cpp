#include "statistics.hpp"

#include <algorithm>

namespace coracle::bench {

Statistics statistics(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const auto percentile = [&](std::size_t percent) { return samples[(samples.size() * percent + 99) / 100 - 1]; };
  return {samples.front(), percentile(50), percentile(90), samples.back()};
}

}  // namespace coracle::bench
