#include "race.hpp"

#include <algorithm>
#include <chrono>
#include <random>

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/process.hpp"
#include "kernel/recorder.hpp"

namespace coracle::bench {
namespace {

using kernel::Error;

struct Ended {
  int status;
  long peak_kib;
};

std::vector<std::string> fill_in(const Command& command, int slot) {
  std::vector<std::string> words = command;
  for (std::string& word : words) {
    for (std::size_t at = word.find("{}"); at != std::string::npos; at = word.find("{}")) {
      word.replace(at, 2, std::to_string(slot));
    }
  }
  return words;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

// posix_spawn(3) starts with vfork: our own memory is not copied, so our own size does not count.
class Spawner {
 public:
  Spawner() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  }
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;
  ~Spawner() { posix_spawn_file_actions_destroy(&actions_); }

  pid_t start(const std::vector<char*>& words) const {
    pid_t pid = 0;
    const int error = posix_spawn(&pid, words[0], &actions_, nullptr, words.data(), environ);
    if (error != 0) throw Error(std::string("posix_spawn ") + words[0], error);
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_{};
};

Ended await(pid_t pid) {
  int status = 0;
  rusage usage{};
  kernel::attempt([&] { return wait4(pid, &status, 0, &usage); }, "wait4 {}", pid);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), usage.ru_maxrss};
}

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

// After a vfork the child's peak counts ours too, since the memory was shared (setmax_mm_hiwater_rss in the kernel's
// exec_mmap). A plain fork shares none of the program's pages; what is left is less than any contestant takes.
Ended run_for_memory(const Contestant& contestant) {
  std::vector<std::string> words = fill_in(contestant.command, 0);
  const std::vector<char*> pointed = pointers(words);
  const pid_t pid = kernel::attempt([] { return fork(); }, "fork");
  if (pid == 0) {
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    execv(pointed[0], pointed.data());
    _exit(127);
  }
  return await(pid);
}

void run_for_time(Result& result, const Spawner& spawner, bool counts) {
  std::vector<std::string> words = fill_in(result.contestant.command, 0);
  const std::vector<char*> pointed = pointers(words);
  const auto start = std::chrono::steady_clock::now();
  const Ended ended = await(spawner.start(pointed));
  const double took = milliseconds_since(start);
  if (counts) result.milliseconds.push_back(took);
  if (ended.status != 0) result.failure = fmt::format("ended with status {}", ended.status);
}

}  // namespace

std::vector<Result> race(const std::vector<Contestant>& contestants, int runs, int warm_up,
                         const std::function<void()>& before) {
  std::vector<Result> results;
  for (const Contestant& contestant : contestants) {
    results.push_back({contestant, {}, {}, 0});
    before();
    const Ended ended = run_for_memory(contestant);
    results.back().peak_kib = ended.peak_kib;
    if (ended.status != 0) results.back().failure = fmt::format("ended with status {}", ended.status);
  }
  std::vector<Result*> order;
  for (Result& result : results) order.push_back(&result);
  const Spawner spawner;
  std::mt19937 random;  // always the same orders
  for (int round = -warm_up; round < runs; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (Result* result : order) {
      if (!result->failure.empty()) continue;
      before();
      run_for_time(*result, spawner, round >= 0);
    }
  }
  return results;
}

std::vector<double> race_at_once(const Contestant& contestant, int many, int times) {
  const Spawner spawner;
  std::vector<double> rates;
  for (int time = -1; time < times; ++time) {  // the first one warms up
    std::vector<pid_t> pids;
    const auto start = std::chrono::steady_clock::now();
    for (int slot = 1; slot <= many; ++slot) {
      std::vector<std::string> words = fill_in(contestant.command, slot);
      pids.push_back(spawner.start(pointers(words)));
    }
    const auto failed = std::count_if(pids.begin(), pids.end(), [](pid_t pid) { return await(pid).status != 0; });
    const double took = milliseconds_since(start);
    if (failed > 0) throw Error(fmt::format("{}: {} of {} at once failed", contestant.name, failed, many), 0);
    if (time >= 0) rates.push_back(1000.0 * many / took);
  }
  return rates;
}

}  // namespace coracle::bench
