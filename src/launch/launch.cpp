#include "launch/launch.hpp"

#include <algorithm>
#include <optional>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/recorder.hpp"
#include "launch/execute.hpp"
#include "launch/run_directory.hpp"
#include "launch/signals.hpp"

namespace coracle::launch {
namespace {

using kernel::Error;
using kernel::Fd;
using parts::Context;
using parts::Part;
using parts::Parts;

// Parent and child meet over this pair: the parent says "go" with one byte, the child's end closes by its execve.
// When either dies, the other reads the end of the stream: nobody waits for the dead.
struct Meeting {
  Fd parent, child;

  Meeting() {
    int ends[2];
    kernel::attempt([&] { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends); }, "socketpair");
    parent = Fd(ends[0]);
    child = Fd(ends[1]);
  }
};

template <typename Step>
void each(Parts& parts, const char* step_name, Context& context, Step step) {
  for (const auto& part : parts) {
    kernel::acting_part(part->name());
    const std::int64_t start = kernel::recording() ? kernel::now() : 0;
    (part.get()->*step)(context);
    if (start != 0) kernel::note(step_name, start, 0, true);
  }
  kernel::acting_part(nullptr);
}

std::vector<std::string> release_all(Parts& parts, Context& context) {
  std::vector<std::string> left_behind;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    kernel::acting_part((*part)->name());
    const std::int64_t start = kernel::recording() ? kernel::now() : 0;
    if (std::string left = (*part)->release(context); !left.empty()) left_behind.push_back(std::move(left));
    if (start != 0) kernel::note("release", start, 0, true);
  }
  kernel::acting_part(nullptr);
  return left_behind;
}

void sort_by_stage(Parts& parts) {
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a->stage() < b->stage(); });
}

// The child's whole life up to the program.
[[noreturn]] void be_the_child(const Process& process, Parts& parts, Context& context, Meeting& meeting,
                               const sigset_t& mask) {
  kernel::this_is_the_child();
  try {
    meeting.parent.close();
    kernel::die_with_parent();
    char go = 0;
    if (read(meeting.child.get(), &go, 1) != 1) _exit(125);  // the parent gave up or died: it says why, not we
    leave_if_orphaned(meeting.child);
    each(parts, "enter", context, &Part::enter);
    // The gate. What stands before it is the container, what comes after it is the program.
    execute(process, meeting.child, mask);
  } catch (const Error& error) {
    kernel::leave_failure(error);
  } catch (const std::exception& error) {
    kernel::leave_failure(Error(error.what(), 0));
  }
  _exit(125);
}

void say_go(const Meeting& meeting) {
  kernel::attempt([&] { return send(meeting.parent.get(), "g", 1, MSG_NOSIGNAL); }, "send \"go\" to the child");
}

// Waits until the child has executed the program; throws the error that it left when it could not.
void await_program(const Meeting& meeting, Signals& signals) {
  pollfd fds[] = {{meeting.parent.get(), POLLIN, 0}, {signals.fd().get(), POLLIN, 0}};
  while (fds[0].revents == 0) {
    if (poll(fds, 2, -1) < 0 && errno != EINTR) throw Error("poll for the child", errno);
    if (fds[0].revents == 0) signals.throw_if_asked_to_end();  // else the program has begun: the signal is for it
  }
  Error failure("", 0);
  if (kernel::take_failure(failure)) throw failure;
}

void end_child(const kernel::Child& child) noexcept {
  if (!child.pidfd) return;
  try {
    kernel::send_signal(child.pidfd, SIGKILL);
    kernel::wait(child.pidfd);
  } catch (const Error&) {
    // It has ended and was reaped: that is all we want.
  }
}

// A start under way: knows what there is to be undone.
class Start {
 public:
  Start(const Process& process, Parts& parts, const Options& options)
      : process_(process), parts_(parts), options_(options), run_directory_(options.run_root, options.id, parts) {
    context_.id = options.id;
    context_.run_dir = run_directory_.path();
  }

  Outcome run() {
    Outcome outcome;
    try {
      if (options_.held) options_.held();
      begin();
      const std::int64_t start = kernel::now();
      outcome.ending = supervise(child_.pidfd, signals_, process_.new_session);
      if (kernel::recording()) kernel::note("the program runs", start, 0, true);
    } catch (Error& error) {
      end_child(child_);
      for (const std::string& left : unmake()) error.with_hint(error.hint() + "; left behind: " + left);
      throw;
    }
    outcome.left_behind = unmake();
    return outcome;
  }

 private:
  void begin() {
    each_checked("prepare", &Part::prepare);
    Meeting meeting;
    child_ = kernel::clone3(context_.clone_flags, context_.cgroup_fd);
    if (child_.pid == 0) be_the_child(process_, parts_, context_, meeting, signals_.before());
    meeting.child.close();
    context_.pid = child_.pid;
    context_.pidfd = &child_.pidfd;
    each_checked("adopt", &Part::adopt);
    say_go(meeting);
    run_directory_.note_process(child_.pid);  // while the child works
    await_program(meeting, signals_);
  }

  // A signal that asks us to end ends the start between two steps, never in the middle of one.
  template <typename Step>
  void each_checked(const char* name, Step step) {
    signals_.throw_if_asked_to_end();
    each(parts_, name, context_, step);
    signals_.throw_if_asked_to_end();
  }

  std::vector<std::string> unmake() {
    std::vector<std::string> left_behind = release_all(parts_, context_);
    if (left_behind.empty()) run_directory_.remove();  // else it stays, for a later sweep
    return left_behind;
  }

  const Process& process_;
  Parts& parts_;
  const Options& options_;
  Signals signals_;
  RunDirectory run_directory_;
  Context context_;
  kernel::Child child_;
};

}  // namespace

Outcome run(const Process& process, Parts& parts, const Options& options) {
  sort_by_stage(parts);
  kernel::start_recorder(options.record);
  return Start(process, parts, options).run();
}

kernel::Ending join(const Process& process, Parts& parts, pid_t pid) {
  sort_by_stage(parts);
  kernel::start_recorder(false);
  Signals signals;
  const Fd container = kernel::pidfd_open(pid);
  Context context;
  context.pidfd = &container;
  each(parts, "join", context, &Part::join);
  Meeting meeting;
  Parts none;
  const kernel::Child child = kernel::clone3(0);
  if (child.pid == 0) be_the_child(process, none, context, meeting, signals.before());
  meeting.child.close();
  say_go(meeting);
  try {
    await_program(meeting, signals);
  } catch (const Error&) {
    end_child(child);
    throw;
  }
  return supervise(child.pidfd, signals, process.new_session);
}

std::vector<std::string> sweep(const std::string& run_root, Parts& parts) {
  sort_by_stage(parts);
  std::vector<std::string> left_behind;
  for (const std::string& id : RunDirectory::ids(run_root)) {
    std::optional<RunDirectory> abandoned = RunDirectory::take_over(run_root, id, parts);
    if (!abandoned) continue;
    abandoned->end_process();
    Context context;
    context.id = id;
    context.run_dir = abandoned->path();
    const std::vector<std::string> left = release_all(parts, context);
    if (left.empty()) abandoned->remove();
    left_behind.insert(left_behind.end(), left.begin(), left.end());
  }
  return left_behind;
}

}  // namespace coracle::launch
