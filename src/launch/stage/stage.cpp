// The stage: the last program before the container's own, and with --init its process 1. It has no library behind it,
// lives in a sealed memfd (memfd_create(2)), and is a kilobyte long.
//
// Why it is there: a process's /proc/PID/exe leads to the very file that it runs, through every root and mount
// namespace. A container whose program is /proc/self/exe, or which watches a process that joins it, would get hold of
// our executable on the host, and as root could overwrite it (CVE-2019-5736). From the stage on, what stands there is
// a sealed copy of nothing worth having.
//
//     argv: MODE+DESCRIPTOR  PATH  the program's own argv...      MODE is 'x' to execute, 'i' to be init as well
//
// DESCRIPTOR leads to whoever waits for the program. It closes when PATH was executed; when that failed, an 'x', the
// errno in 4 bytes and PATH are written to it first (launch/meeting.hpp).
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/wait.h>
#include <signal.h>
#include <sys/syscall.h>

namespace {

// syscall(2) without a libc: the result, or a negative errno.
long call(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
#if defined(__x86_64__)
  long result = 0;
  register long r10 asm("r10") = d;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
#else
#error "the stage is written for x86_64 and aarch64"
#endif
}

long address(const volatile void* pointer) { return reinterpret_cast<long>(pointer); }

[[noreturn]] void leave(int status) {
  while (true) call(SYS_exit_group, status);
}

[[noreturn]] void execute(int report, char** words, char** environment) {
  // From here on it closes by itself. A filter that refuses even this costs the report, not the program.
  if (call(SYS_fcntl, report, F_SETFD, FD_CLOEXEC) < 0) call(SYS_close, report);
  const int error = -static_cast<int>(call(SYS_execve, address(words[0]), address(words + 1), address(environment)));
  long length = 0;
  while (words[0][length] != '\0') ++length;
  call(SYS_write, report, address("x"), 1);
  call(SYS_write, report, address(&error), sizeof error);
  call(SYS_write, report, address(words[0]), length);
  constexpr int kNoEntry = 2;  // ENOENT: 127 as a shell has it, everything else 126
  leave(error == kNoEntry ? 127 : 126);
}

// The kernel's signal set is one word (sigset_t of libc is 128 bytes): signal N is bit N-1.
using SignalSet = unsigned long;

[[noreturn]] void be_init(long program) {
  const SignalSet every = ~0UL;
  while (true) {
    siginfo_t info;
    const long signal = call(SYS_rt_sigtimedwait, address(&every), address(&info), 0, sizeof every);
    // What a terminal sends (SI_KERNEL), it sends to all of its foreground: the program has it already.
    if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL) call(SYS_kill, program, signal);
    if (signal != SIGCHLD) continue;
    int status = 0;
    // The kernel gives every orphan of a pid namespace to its pid 1 (pid_namespaces(7)): one SIGCHLD, many dead.
    for (long ended = 0; (ended = call(SYS_wait4, -1, address(&status), WNOHANG, 0)) > 0;) {
      const int killed_by = status & 0x7f;
      if (ended == program) leave(killed_by != 0 ? 128 + killed_by : (status >> 8) & 0xff);
    }
  }
}

}  // namespace

// `stack` is what the kernel put there (the System V ABI, "Process Initialization"): argc, argv, 0, environment.
extern "C" [[noreturn]] void stage(long* stack) {
  char** const words = reinterpret_cast<char**>(stack + 1);
  char** const environment = words + *stack + 1;
  // Executed by anybody else: a container whose program is /proc/self/exe comes here a second time.
  if (*stack < 3 || (words[0][0] != 'x' && words[0][0] != 'i')) leave(126);
  int report = 0;
  for (const char* digit = words[0] + 1; *digit != '\0'; ++digit) report = report * 10 + (*digit - '0');
  if (words[0][0] == 'i') {
    const SignalSet every = ~0UL;
    SignalSet before = 0;
    call(SYS_rt_sigprocmask, SIG_SETMASK, address(&every), address(&before), sizeof every);
    const long program = call(SYS_clone, SIGCHLD);
    if (program > 0) {
      call(SYS_close_range, 3, ~0U, 0);  // else whoever waits for the program's execution waits for our end
      be_init(program);
    }
    call(SYS_rt_sigprocmask, SIG_SETMASK, address(&before), 0, sizeof every);
  }
  execute(report, words + 1, environment);
}

#if defined(__x86_64__)
asm(".globl _start\n_start:\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call stage\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start:\n  mov x0, sp\n  bl stage\n");
#endif
