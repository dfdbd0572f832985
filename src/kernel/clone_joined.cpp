#include "kernel/clone_joined.hpp"

#include <exception>
#include <memory>

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kernel/namespace.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

// For the child's whole life until it executes a program; what is not touched is not there.
constexpr std::size_t kStackSize = 1U << 20U;

struct Unmap {
  void operator()(void* stack) const { munmap(stack, kStackSize); }
};

struct Birth {
  const Fd& pidfd;
  std::uint64_t namespaces;
  int cgroup_fd;
  const std::function<void()>& life;
  Child child = {};
  std::exception_ptr failure = {};
};

// On a stack of its own, because the child goes on where it was made.
int be_between(void* argument) {
  Birth& birth = *static_cast<Birth*>(argument);
  try {
    setns(birth.pidfd, birth.namespaces);
    birth.child = clone3(CLONE_PARENT, birth.cgroup_fd);
  } catch (const Error&) {
    birth.failure = std::current_exception();
    return 1;
  }
  if (birth.child.pid == 0) birth.life();
  return 0;
}

}  // namespace

Child clone_joined(const Fd& pidfd, std::uint64_t namespaces, int cgroup_fd, const std::function<void()>& life) {
  void* const memory =
      mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw Error("mmap a stack", errno);
  const std::unique_ptr<void, Unmap> stack(memory);
  Birth birth{pidfd, namespaces, cgroup_fd, life};
  // CLONE_VFORK: we go on when it has ended. CLONE_FILES: the pidfd that it gets is ours.
  constexpr int kBorrowed = CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD;
  const pid_t between = attempt(
      [&] { return clone(be_between, static_cast<char*>(stack.get()) + kStackSize, kBorrowed, &birth); }, "clone");
  while (waitpid(between, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (birth.failure) std::rethrow_exception(birth.failure);
  return std::move(birth.child);
}

}  // namespace coracle::kernel
