// Whole processes, timed from outside: from the call that starts one until the call that gets its status.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace coracle::bench {

using Command = std::vector<std::string>;  // a "{}" in a word is replaced by the number of the slot it runs in

struct Contestant {
  std::string name;
  Command command;           // the first word is a path
  std::string versus;        // the name of the contestant that it is compared with
  bool at_terminal = false;  // its stdin and stdout are one
  unsigned user = 0;         // whose process it is
};

struct Result {
  Contestant contestant;
  std::string failure;               // why it was left out; "" when it was not
  std::vector<double> milliseconds;  // one for each run
  long peak_kib = 0;                 // the most memory that a process of it had resident (getrusage(2))
};

// Runs all contestants in turn, `runs` times, in a new order each time, so that whatever changes on the machine
// changes for all of them. The first `warm_up` rounds do not count.
// `before` is called before each run and is not timed.
std::vector<Result> race(
    const std::vector<Contestant>& contestants, int runs, int warm_up, const std::function<void()>& before = [] {});

// Runs in the background while it lives; then SIGTERM, and the wait for its end.
class Background {
 public:
  explicit Background(const Command& command);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

 private:
  int pid_;
};

// Starts `many` of one contestant at once and waits for all; gives how many that makes a second, `times` times.
std::vector<double> race_at_once(const Contestant& contestant, int many, int times);

}  // namespace coracle::bench
