#include "race.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <random>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/fd.hpp"
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

// What contestants read from and write to.
class Streams {
 public:
  Streams() : null_(kernel::open("/dev/null", O_RDWR)), master_(kernel::open("/dev/ptmx", O_RDWR | O_NOCTTY)) {
    grantpt(master_.get());
    unlockpt(master_.get());
    terminal_ = kernel::open(ptsname(master_.get()), O_RDWR | O_NOCTTY);
  }

  // What the terminal shows is read from time to time: with a full one everybody would wait.
  void empty_terminal() const {
    char shown[4096];
    for (pollfd more{master_.get(), POLLIN, 0};
         poll(&more, 1, 0) > 0 && read(master_.get(), shown, sizeof shown) > 0;) {
    }
  }

  // In the new process. It shares our memory (vfork): system calls alone, and none of glibc's that tell all threads.
  [[noreturn]] void become(const Contestant& contestant, const std::vector<char*>& words) const {
    const int stream = contestant.at_terminal ? terminal_.get() : null_.get();
    dup2(stream, STDIN_FILENO);
    dup2(stream, STDOUT_FILENO);
    if (contestant.user != 0) {
      if (chdir("/") != 0) _exit(127);  // ours may be closed to this user
      syscall(SYS_setgroups, 0, nullptr);
      syscall(SYS_setresgid, contestant.user, contestant.user, contestant.user);
      syscall(SYS_setresuid, contestant.user, contestant.user, contestant.user);
    }
    execv(words[0], words.data());
    _exit(127);
  }

 private:
  kernel::Fd null_, master_, terminal_;
};

// vfork(2): our own memory is not copied, so our own size does not count.
pid_t start_process(const Streams& streams, const Contestant& contestant, const std::vector<char*>& words) {
  const pid_t pid = vfork();
  if (pid == 0) streams.become(contestant, words);
  return kernel::attempt([&] { return pid; }, "vfork");
}

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
Ended run_for_memory(const Contestant& contestant, const Streams& streams) {
  std::vector<std::string> words = fill_in(contestant.command, 0);
  const std::vector<char*> pointed = pointers(words);
  const pid_t pid = kernel::attempt([] { return fork(); }, "fork");
  if (pid == 0) streams.become(contestant, pointed);
  return await(pid);
}

void run_for_time(Result& result, const Streams& streams, bool counts) {
  std::vector<std::string> words = fill_in(result.contestant.command, 0);
  const std::vector<char*> pointed = pointers(words);
  const auto start = std::chrono::steady_clock::now();
  const Ended ended = await(start_process(streams, result.contestant, pointed));
  const double took = milliseconds_since(start);
  if (counts) result.milliseconds.push_back(took);
  if (result.contestant.at_terminal) streams.empty_terminal();
  if (ended.status != 0) result.failure = fmt::format("ended with status {}", ended.status);
}

}  // namespace

std::vector<Result> race(const std::vector<Contestant>& contestants, int runs, int warm_up,
                         const std::function<void()>& before) {
  std::vector<Result> results;
  const Streams streams;
  for (const Contestant& contestant : contestants) {
    results.push_back({contestant, {}, {}, 0});
    before();
    const Ended ended = run_for_memory(contestant, streams);
    results.back().peak_kib = ended.peak_kib;
    if (ended.status != 0) results.back().failure = fmt::format("ended with status {}", ended.status);
  }
  std::vector<Result*> order;
  for (Result& result : results) order.push_back(&result);
  std::mt19937 random;  // always the same orders
  for (int round = -warm_up; round < runs; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (Result* result : order) {
      if (!result->failure.empty()) continue;
      before();
      run_for_time(*result, streams, round >= 0);
    }
  }
  return results;
}

Background::Background(const Command& command) {
  std::vector<std::string> words = command;
  const Streams streams;
  pid_ = start_process(streams, {}, pointers(words));
}

Background::~Background() {
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

std::vector<double> race_at_once(const Contestant& contestant, int many, int times) {
  const Streams streams;
  std::vector<double> rates;
  for (int time = -1; time < times; ++time) {  // the first one warms up
    std::vector<pid_t> pids;
    const auto start = std::chrono::steady_clock::now();
    for (int slot = 1; slot <= many; ++slot) {
      std::vector<std::string> words = fill_in(contestant.command, slot);
      pids.push_back(start_process(streams, contestant, pointers(words)));
    }
    const auto failed = std::count_if(pids.begin(), pids.end(), [](pid_t pid) { return await(pid).status != 0; });
    const double took = milliseconds_since(start);
    if (failed > 0) throw Error(fmt::format("{}: {} of {} at once failed", contestant.name, failed, many), 0);
    if (time >= 0) rates.push_back(1000.0 * many / took);
  }
  return rates;
}

}  // namespace coracle::bench
