#include "kernel/process.hpp"

#include <cstdlib>
#include <cstring>

#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "kernel/namespace.hpp"
#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

}  // namespace

Child clone3(std::uint64_t flags, int cgroup_fd) {
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = flags | CLONE_PIDFD | (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0U);
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  arguments.exit_signal = (flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;  // the parent's child has the parent's
  arguments.cgroup = static_cast<std::uint64_t>(cgroup_fd >= 0 ? cgroup_fd : 0);
  const std::int64_t start = now();
  const long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) throw Error("clone3 " + flag_names(arguments.flags), errno);
  // It returns on both sides; the parent's return is the one to be noted.
  if (pid > 0 && recording()) note("clone3 " + flag_names(arguments.flags), start, 0);
  return {static_cast<pid_t>(pid), pid == 0 ? Fd() : Fd(pidfd)};
}

Child clone3_between(const std::function<void()>& between, std::uint64_t flags, int cgroup_fd) {
  int ends[2];
  attempt([&] { return pipe2(ends, O_CLOEXEC); }, "pipe2");
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  const Child go_between = clone3(0, cgroup_fd);
  if (go_between.pid == 0) {
    try {
      between();
      const Child child = clone3(flags | CLONE_PARENT);
      if (child.pid == 0) return {};
      _exit(write(writer.get(), &child.pid, sizeof child.pid) == sizeof child.pid ? 0 : 1);
    } catch (const Error& error) {
      leave_failure(error);
    }
    _exit(1);
  }
  writer.close();
  pid_t pid = 0;
  const ssize_t count = attempt([&] { return read(reader.get(), &pid, sizeof pid); }, "read the pid of the child");
  wait(go_between.pidfd);
  Error failure("start a process between", 0, "it ended without a word");
  if (count != sizeof pid) {
    take_failure(failure);
    throw failure;
  }
  return {pid, pidfd_open(pid)};  // our child, and not waited for: the number is still its own
}

Ending wait(const Fd& pidfd) {
  siginfo_t info{};
  const auto call = [&] {
    int result = -1;
    do {
      result = waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, WEXITED);
    } while (result < 0 && errno == EINTR);
    return result;
  };
  attempt(call, "waitid pidfd {}", pidfd.get());
  return {info.si_code != CLD_EXITED, info.si_status};
}

Fd pidfd_open(pid_t pid) {
  return Fd(static_cast<int>(attempt([&] { return syscall(SYS_pidfd_open, pid, 0); }, "pidfd_open {}", pid)));
}

Fd find_process(pid_t pid) {
  return Fd(static_cast<int>(note_call([&] { return syscall(SYS_pidfd_open, pid, 0); }, "pidfd_open {}", pid)));
}

std::string process_note(pid_t pid) {
  const std::string stat = read_file(fmt::format("/proc/{}/stat", pid));
  // The second field is the program's name in parentheses, with any bytes in it: count from its end.
  std::size_t field = stat.rfind(')');
  for (int skipped = 2; skipped < 22 && field != std::string::npos; ++skipped) field = stat.find(' ', field + 1);
  if (field == std::string::npos) throw Error(fmt::format("read the start time in /proc/{}/stat", pid), 0);
  return fmt::format("{} {}", pid, stat.substr(field + 1, stat.find(' ', field + 1) - field - 1));
}

pid_t noted_pid(const std::string& note) { return static_cast<pid_t>(std::strtol(note.c_str(), nullptr, 10)); }

Fd noted_process(const std::string& note) {
  const pid_t pid = noted_pid(note);
  Fd pidfd = find_process(pid);  // first: from here on the number cannot change its meaning for us
  if (!pidfd && errno != ESRCH && errno != EINVAL) throw Error(fmt::format("pidfd_open {}", pid), errno);
  if (!pidfd || !exists(fmt::format("/proc/{}/stat", pid))) return {};
  try {
    return process_note(pid) == note ? std::move(pidfd) : Fd();
  } catch (const Error& error) {
    if (error.code() == ESRCH || error.code() == ENOENT) return {};
    throw;
  }
}

bool is_stopped(const Fd& pidfd) {
  try {
    const std::string info = read_file(fmt::format("/proc/self/fdinfo/{}", pidfd.get()));
    const std::size_t at = info.find("\nPid:\t");  // -1 when it has ended
    if (at == std::string::npos || info[at + 6] == '-') return false;
    const std::string stat = read_file(fmt::format("/proc/{}/stat", std::atoi(info.c_str() + at + 6)));
    return stat.compare(stat.rfind(')') + 1, 2, " T") == 0;
  } catch (const Error& error) {
    if (error.code() == ENOENT || error.code() == ESRCH) return false;
    throw;
  }
}

bool send_signal(const Fd& pidfd, int signal) {
  const long result = note_call([&] { return syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0); },
                                "pidfd_send_signal {}", signal);
  if (result < 0 && errno != ESRCH) throw Error(fmt::format("pidfd_send_signal {}", signal), errno);
  return result == 0;
}

Fd signalfd(const sigset_t& signals, sigset_t* before) {
  sigprocmask(SIG_BLOCK, &signals, before);
  return Fd(attempt([&] { return ::signalfd(-1, &signals, SFD_CLOEXEC); }, "signalfd"));
}

signalfd_siginfo read_signal(const Fd& signalfd) {
  signalfd_siginfo info{};
  attempt([&] { return ::read(signalfd.get(), &info, sizeof info); }, "read signalfd");
  return info;
}

void set_signal_mask(const sigset_t& mask) { sigprocmask(SIG_SETMASK, &mask, nullptr); }

void die_with_parent() {
  attempt([] { return prctl(PR_SET_PDEATHSIG, SIGKILL); }, "prctl PR_SET_PDEATHSIG SIGKILL");
}

bool dies_with_parent() {
  int signal = 0;
  attempt([&] { return prctl(PR_GET_PDEATHSIG, &signal); }, "prctl PR_GET_PDEATHSIG");
  return signal != 0;
}

void outlive_parent() {
  attempt([] { return prctl(PR_SET_PDEATHSIG, 0); }, "prctl PR_SET_PDEATHSIG 0");
}

void set_undumpable() {
  attempt([] { return prctl(PR_SET_DUMPABLE, 0); }, "prctl PR_SET_DUMPABLE 0");
}

void default_signal_actions() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) sigaction(number, &action, nullptr);
}

void fexecve(const Fd& file, const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  // execveat(2) itself: glibc's fexecve(3) is the same call and looks at /proc when that fails.
  syscall(SYS_execveat, file.get(), "", pointers(arguments).data(), pointers(environment).data(), AT_EMPTY_PATH);
  throw Error(fmt::format("execveat fd {}", file.get()), errno);
}

std::optional<int> signal_number(const std::string& name) {
  const std::string bare = name.rfind("SIG", 0) == 0 ? name.substr(3) : name;
  for (int number = 1; number < NSIG; ++number) {
    const char* abbreviation = sigabbrev_np(number);
    if (std::to_string(number) == bare || (abbreviation != nullptr && bare == abbreviation)) return number;
  }
  return std::nullopt;
}

std::string signal_name(int number) {
  const char* abbreviation = sigabbrev_np(number);
  return abbreviation != nullptr ? std::string("SIG") + abbreviation : std::to_string(number);
}

}  // namespace coracle::kernel
