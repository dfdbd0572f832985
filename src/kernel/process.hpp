// Processes: clone3, pidfds, waiting, signals, exec.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/signalfd.h>
#include <sys/types.h>
#include <csignal>

#include "kernel/fd.hpp"

namespace coracle::kernel {

struct Child {
  pid_t pid = 0;  // 0 on the child's own side
  Fd pidfd;
};

// clone3(2) with fork's semantics: a copy of this process, with `flags` (CLONE_NEW*) and a pidfd. With
// `cgroup_fd` >= 0 it is born in that cgroup v2 directory (CLONE_INTO_CGROUP). The caller has one thread.
Child clone3(std::uint64_t flags, int cgroup_fd = -1);

// The same over a process between us and the child, which runs `between` and then makes the clone: the child is born
// from what that process has entered, and is nevertheless ours (CLONE_PARENT). What `between` throws is thrown here.
Child clone3_between(const std::function<void()>& between, std::uint64_t flags, int cgroup_fd = -1);

// How a process ended: waitid(2)'s CLD_EXITED or killed by a signal.
struct Ending {
  bool killed = false;  // by a signal
  int number = 0;       // the exit status, or the signal

  int status() const { return killed ? 128 + number : number; }  // as a shell has it
};

// Waits for the process to end and reaps it.
Ending wait(const Fd& pidfd);

// Opens a pidfd (pidfd_open(2)): the process and no later one with its number.
Fd pidfd_open(pid_t pid);

// The same for one that may have ended: an empty Fd then.
Fd find_process(pid_t pid);

// The process as a text that no later process with its number has: "PID STARTTIME", with the start in clock ticks
// after boot (proc_pid_stat(5), field 22). And the way back: no pidfd when that process has ended.
std::string process_note(pid_t pid);
Fd noted_process(const std::string& note);
pid_t noted_pid(const std::string& note);

// Whether it was stopped by a signal (proc_pid_stat(5), state T). False when it has ended.
bool is_stopped(const Fd& pidfd);

// pidfd_send_signal(2). False when the process has ended.
bool send_signal(const Fd& pidfd, int signal);

// The signals that `signals` names are held back from their handlers and come out of the descriptor instead
// (signalfd(2)). The mask before goes to `before`.
Fd signalfd(const sigset_t& signals, sigset_t* before);
signalfd_siginfo read_signal(const Fd& signalfd);

void set_signal_mask(const sigset_t& mask);

// "Kill me when my parent dies" (PR_SET_PDEATHSIG in prctl(2)); execve keeps it, a change of user clears it.
void die_with_parent();
bool dies_with_parent();
void outlive_parent();  // takes it back

// Nobody without CAP_SYS_PTRACE may look into this process from now on: not trace it, not open what its /proc
// entries lead to (PR_SET_DUMPABLE in prctl(2)). The next execve ends it.
void set_undumpable();

// Puts every signal back to its default action, as a new program expects them.
void default_signal_actions();

// Executes the file behind a descriptor (execveat(2)); only returns by throwing.
[[noreturn]] void fexecve(const Fd& file, const std::vector<std::string>& arguments,
                          const std::vector<std::string>& environment);

// The number and the name of a signal, with or without SIG: 15, "TERM".
std::optional<int> signal_number(const std::string& name);
std::string signal_name(int number);

}  // namespace coracle::kernel
