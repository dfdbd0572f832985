#include "launch/launch.hpp"

#include <algorithm>
#include <optional>

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kernel/namespace.hpp"
#include "kernel/recorder.hpp"
#include "launch/birth.hpp"
#include "launch/execute.hpp"
#include "launch/meeting.hpp"
#include "launch/run_directory.hpp"
#include "launch/signals.hpp"
#include "launch/user.hpp"

namespace coracle::launch {
namespace {

using kernel::Error;
using kernel::Fd;
using parts::Context;
using parts::Part;
using parts::Parts;

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

// The end of the child's life, in a container that is made: from here on a program like any other begins.
// `outlives`: it goes on when the process that started it ends.
[[noreturn]] void become_program(const Process& process, Parts& parts, Context& context, Meeting& meeting, Gate* gate,
                                 bool outlives, const sigset_t& mask) {
  context.user = find_user(process.user);
  if (process.exact_groups) context.user.groups.clear();
  context.user.groups.insert(context.user.groups.end(), process.groups.begin(), process.groups.end());
  for (const std::string& group : process.group_add) context.user.groups.push_back(find_group(group));
  enter_directory(process.cwd, process.make_cwd);
  const Program program(process, context.user, mask);
  if (gate != nullptr) {
    kernel::outlive_parent();  // it has noted us: when it dies now, delete finds us
    meeting.say('r');
    meeting = gate->wait();
  }
  if (process.new_session) setsid();
  if (outlives) kernel::outlive_parent();
  each(parts, "seal", context, &Part::seal);
  if (!outlives) meeting.leave_if_orphaned();  // a change of user took back die_with_parent() for a moment
  program.execute(meeting);
}

// The child's whole life. What it throws is thrown in the parent.
template <typename Life>
[[noreturn]] void live(Meeting& meeting, Life life) {
  kernel::this_is_the_child();
  try {
    kernel::die_with_parent();
    life();
  } catch (const Error& error) {
    meeting.fail(error);
  } catch (const std::exception& error) {
    meeting.fail(Error(error.what(), 0));
  }
  _exit(125);
}

// Waits for the child's next word, as Meeting::hear() does; a signal that asks us to end ends the start.
char await(const Meeting& meeting, Signals& signals) {
  pollfd fds[] = {{meeting.fd().get(), POLLIN, 0}, {signals.fd().get(), POLLIN, 0}};
  while (fds[0].revents == 0) {
    if (poll(fds, 2, -1) < 0 && errno != EINTR) throw Error("poll for the child", errno);
    if (fds[0].revents == 0) signals.throw_if_asked_to_end();  // else the program has begun: the signal is for it
  }
  return meeting.hear();
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
    if (options.program_mask != nullptr) signals_.give_back(*options.program_mask);
  }

  Outcome run() {
    Outcome outcome;
    unmade_when_failed([&] {
      begin(nullptr);
      const std::int64_t start = kernel::now();
      if (options_.executed) options_.executed(child_.pid);
      outcome.ending = supervise(child_.pidfd, signals_, process_.new_session, options_.watch, options_.kill_at_once);
      outcome.asked_to_end = signals_.asked_to_end();
      if (kernel::recording()) kernel::note("the program runs", start, 0, true);
    });
    outcome.left_behind = unmake();
    return outcome;
  }

  pid_t create() {
    unmade_when_failed([&] {
      Gate gate(context_.run_dir);
      begin(&gate);
    });
    return child_.pid;
  }

 private:
  void begin(Gate* gate) {
    each_checked("prepare", &Part::prepare);
    Meeting meeting, childs_end;
    Meeting::make_pair(meeting, childs_end);
    child_ = clone(context_);
    if (child_.pid == 0) {
      meeting.close();
      live(childs_end, [&] {
        if (childs_end.hear() != 'g') _exit(125);  // the parent gave up or died: it says why, not we
        childs_end.leave_if_orphaned();
        if (gate != nullptr) run_directory_.let_go();
        each(parts_, "enter", context_, &Part::enter);
        become_program(process_, parts_, context_, childs_end, gate, outlives(gate), signals_.before());
      });
    }
    childs_end.close();
    context_.pid = child_.pid;
    context_.pidfd = &child_.pidfd;
    each_checked("adopt", &Part::adopt);
    // A process that is to outlive us is noted before it can; else while it works.
    if (outlives(gate)) run_directory_.note_process(child_.pid);
    meeting.say('g');
    if (!outlives(gate)) run_directory_.note_process(child_.pid);
    if (options_.meanwhile) options_.meanwhile();
    const char word = await(meeting, signals_);
    if (gate != nullptr && word != 'r') throw Error("wait for the container to be made", 0, "its process has ended");
  }

  bool outlives(const Gate* gate) const { return gate != nullptr || options_.outlives; }

  template <typename Steps>
  void unmade_when_failed(Steps steps) {
    try {
      if (options_.held) options_.held();
      steps();
    } catch (Error& error) {
      end_child(child_);
      for (const std::string& left : unmake()) error.with_hint(error.hint() + "; left behind: " + left);
      throw;
    }
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

// Ends a container whose launching process is gone, and unmakes it.
std::vector<std::string> unmake(RunDirectory& directory, const std::string& id, Parts& parts) {
  directory.end_process();
  Context context;
  context.id = id;
  context.run_dir = directory.path();
  std::vector<std::string> left_behind = release_all(parts, context);
  if (left_behind.empty()) directory.remove();
  return left_behind;
}

}  // namespace

Outcome run(const Process& process, Parts& parts, const Options& options) {
  sort_by_stage(parts);
  kernel::start_recorder(options.record);
  return Start(process, parts, options).run();
}

pid_t create(const Process& process, Parts& parts, const Options& options) {
  sort_by_stage(parts);
  kernel::start_recorder(options.record);
  return Start(process, parts, options).create();
}

void start(const std::string& run_dir) {
  const Meeting meeting = Gate::open(run_dir);
  if (!meeting.fd())
    throw Error("start the container", 0, "nobody waits at its gate: it was started already, or has ended");
  meeting.hear();
}

std::optional<kernel::Ending> join(const Process& process, Parts& parts, pid_t pid, const Joining& joining) {
  sort_by_stage(parts);
  kernel::start_recorder(false);
  Signals signals;
  const Fd opened = joining.pidfd == nullptr ? kernel::pidfd_open(pid) : Fd();
  Context context;
  context.id = joining.id;
  context.run_dir = joining.run_root + "/" + joining.id;
  context.pid = pid;
  context.pidfd = joining.pidfd == nullptr ? &opened : joining.pidfd;
  each(parts, "join", context, &Part::join);
  Meeting meeting, childs_end;
  Meeting::make_pair(meeting, childs_end);
  const kernel::Child child = clone_joined(context, [&] {
    meeting.close();
    live(childs_end, [&] {
      childs_end.leave_if_orphaned();
      if (context.joined != 0) kernel::setns(*context.pidfd, context.joined);
      become_program(process, parts, context, childs_end, nullptr, joining.detach, signals.before());
    });
  });
  childs_end.close();
  try {
    await(meeting, signals);
  } catch (const Error&) {
    end_child(child);
    throw;
  }
  if (joining.executed) joining.executed(child.pid);
  if (joining.detach) return std::nullopt;
  return supervise(child.pidfd, signals, process.new_session, joining.watch);
}

std::vector<std::string> unmake(const std::string& run_root, const std::string& id, Parts& parts) {
  sort_by_stage(parts);
  std::optional<RunDirectory> directory = RunDirectory::take_over(run_root, id, parts);
  if (!directory) throw Error("take over the container " + id, EBUSY, "somebody else is at work on it");
  return unmake(*directory, id, parts);
}

std::vector<std::string> sweep(const std::string& run_root, Parts& parts) {
  sort_by_stage(parts);
  std::vector<std::string> left_behind;
  for (const std::string& id : RunDirectory::ids(run_root)) {
    std::optional<RunDirectory> abandoned = RunDirectory::take_over(run_root, id, parts);
    if (!abandoned) continue;
    const std::vector<std::string> left = unmake(*abandoned, id, parts);
    left_behind.insert(left_behind.end(), left.begin(), left.end());
  }
  return left_behind;
}

}  // namespace coracle::launch
