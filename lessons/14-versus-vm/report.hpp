// The figures as Markdown tables, for a person, and as JSON with every sample, for a program.
#pragma once

#include <string>
#include <vector>

#include "race.hpp"

namespace coracle::bench {

struct Rate {  // containers, or runs, in a second
  std::string name;
  std::vector<double> per_second;
};

struct Report {
  std::vector<Result> starts;
  std::vector<std::string> missing;  // contestants that this machine has not got
  int at_once = 0;
  std::vector<Rate> rates;
  std::vector<Result> joins;  // one more program in a running container
  std::vector<Result> doors;  // `coracle run` in several ways
  std::vector<Result> unpacking;
};

// "2 x AMD EPYC, Linux 6.18.0, cgroup v1 and v2"
std::string this_machine();

std::string markdown(const Report& report);
std::string json(const Report& report);

}  // namespace coracle::bench
