// main of every test program: each test case is timed, and fails when it leaves anything behind.
#define CATCH_CONFIG_RUNNER
#include "support/support.hpp"

#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#include <catch2/catch_test_case_info.hpp>
#include <catch2/catch_version_macros.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
using Listener = Catch::EventListenerBase;
#else
using Listener = Catch::TestEventListenerBase;
#endif

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <fmt/format.h>

#include "kernel/error.hpp"
#include "support/session.hpp"

namespace {

struct Counts {
  int passed = 0;
  std::vector<std::string> failed;
  std::vector<std::string> skipped;  // "TEST: this host has no FEATURE"
};

Counts counts;

class Watcher : public Listener {
 public:
  using Listener::Listener;

  void testCaseStarting(const Catch::TestCaseInfo& test) override {
    name_ = test.name;
    before_ = coracle::test::kernel_state();
    start_ = std::chrono::steady_clock::now();
  }

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start_;
    const std::string leaks = coracle::test::left_behind_since(before_);
    const std::vector<std::string> lacking = coracle::test::take_skips();
    const bool good = stats.totals.assertions.failed == 0 && stats.totals.testCases.failed == 0 && leaks.empty();
    if (!good) {
      counts.failed.push_back(name_);
    } else if (!lacking.empty()) {
      counts.skipped.push_back(name_ + ": this host has no " + lacking.front());
    } else {
      ++counts.passed;
    }
    const char* verdict = !good ? "FAIL" : !lacking.empty() ? "skip" : "ok  ";
    fmt::print("{} {:6.2f} s  {}\n", verdict, took.count(), !lacking.empty() && good ? counts.skipped.back() : name_);
    if (!leaks.empty()) fmt::print("  the test left behind:\n{}", leaks);
    std::fflush(stdout);
  }

 private:
  std::string name_;
  std::map<std::string, std::string> before_;
  std::chrono::steady_clock::time_point start_;
};

// For scripts/test, which adds up what several test programs say.
void report(const char* path) {
  std::ofstream file(path, std::ios::app);
  file << counts.passed << ' ' << counts.failed.size() << ' ' << counts.skipped.size() << '\n';
  for (const std::string& name : counts.failed) file << "failed: " << name << '\n';
  for (const std::string& skip : counts.skipped) file << "skipped: " << skip << '\n';
}

}  // namespace

CATCH_REGISTER_LISTENER(Watcher)

int main(int argc, char** argv) {
  // No test reaches a registry that is not its own: what is not on this machine goes to a port where nobody listens.
  setenv("https_proxy", "http://127.0.0.1:1", 1);
  setenv("no_proxy", "localhost,.localhost,.invalid", 1);
  try {
    coracle::test::isolate_session();
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", argv[0], error.what());
    return 1;
  }
  Catch::Session session;
#if CATCH_VERSION_MAJOR >= 3
  session.configData().allowZeroTests = true;
#endif
  const int result = session.run(argc, argv);
  if (const char* path = std::getenv("CORACLE_TEST_COUNTS")) report(path);
  return result == 0 && !counts.failed.empty() ? 1 : result;
}
