// What a list of samples says.
#pragma once

#include <vector>

namespace coracle::bench {

struct Statistics {
  double min = 0, median = 0, p90 = 0, max = 0;
};

// `samples` is not empty. A percentile is the smallest sample that at least so many percent do not exceed.
Statistics statistics(std::vector<double> samples);

}  // namespace coracle::bench
