// What the tests share: programs run to their end, what the kernel has before and after, reasons to skip.
#pragma once

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

#include "kernel/fd.hpp"

// Ends the test as skipped; `feature` names what this host lacks ("cgroup v2 controllers"). Counted as skipped.
#define SKIP_WITHOUT(feature)     \
  do {                            \
    coracle::test::skip(feature); \
    return;                       \
  } while (false)

namespace coracle::test {

void skip(const std::string& feature);

// What the action says that it throws an Error with; "" when it throws none.
std::string message_of(const std::function<void()>& action);

// The paths of what the build made, and of the source it was made of. CORACLE_TEST_BUILD and CORACLE_TEST_SOURCE say
// where these have been moved to.
std::string build(const std::string& path);   // "coracle-oci" -> .../build/coracle-oci
std::string lesson(const std::string& name);  // "03-namespaces" -> .../build/lessons/03-namespaces
std::string coracle();                        // .../build/coracle
std::string source(const std::string& path);  // a file of the source tree

// A busybox root file system made for the tests (a directory; read-only use), built once with rootfs/busybox.
std::string busybox_rootfs();
// The layer archive it was made from: .../busybox.tar.gz
std::string busybox_layer();

struct Result {
  int status = -1;  // exit status; 128+n when killed by signal n
  std::string out;  // stdout
  std::string err;  // stderr
};

// Runs a program to its end (killed after `limit`, which is a failure of the test).
Result run(const std::vector<std::string>& command, const std::string& input = {},
           std::chrono::seconds limit = std::chrono::seconds(60));

// A program that goes on while the test looks at it from outside.
class Running {
 public:
  explicit Running(const std::vector<std::string>& command);
  ~Running();  // kills what still runs

  pid_t pid() const { return pid_; }
  void signal(int number);
  void close_input();
  void write(const std::string& text);
  // Reads stdout until `text` has come (fails the test when the program ends or `limit` passes before that).
  // Gives what was printed since the last call, up to the end of `text`; what comes after it is for the next call.
  std::string read_until(const std::string& text, std::chrono::seconds limit = std::chrono::seconds(20));
  Result wait(std::chrono::seconds limit = std::chrono::seconds(60));
  // The first child of the program, grandchild..., as /proc/PID/task/PID/children has it; waits until it is there.
  pid_t child(std::chrono::seconds limit = std::chrono::seconds(20));

 private:
  void listen(int milliseconds, int writable = -1);

  pid_t pid_ = -1;
  kernel::Fd pidfd_, in_, out_, err_;
  std::string seen_, seen_err_;  // all of stdout and of stderr until now
  std::size_t given_ = 0;        // how much of seen_ read_until() has given away
  bool ended_ = false;
};

// Polls until `condition` holds; false when `limit` passes. For what has no event to wait for.
bool eventually(const std::function<bool()>& condition, std::chrono::seconds limit = std::chrono::seconds(20));

// What is there to be left behind: mounts, cgroups, links, nft rules, processes below this one, files of the run
// root and of the data root, sysctls touched. Every test case compares it before and after (support/main.cpp does so by
// itself).
std::map<std::string, std::string> kernel_state();

// A fresh directory on tmpfs, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The inode that /proc/PID/ns/NAME stands for: two processes share a namespace when these are equal.
std::string namespace_of(pid_t pid, const std::string& name);

}  // namespace coracle::test
