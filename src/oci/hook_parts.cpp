// The parts that run hooks during a start. createRuntime hooks run outside of the container, at a moment that the
// container's own process knows: its mounts are made, its root is not changed yet. So a helper of the parent waits for
// its word.
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "oci/hooks.hpp"

namespace coracle::oci {
namespace {

using kernel::Error;
using kernel::Fd;
using parts::Context;
using parts::Stage;

constexpr const char* kWell = "ok";

std::string receive(const Fd& line) {
  std::string text(16384, '\0');
  const ssize_t count =
      kernel::attempt([&] { return recv(line.get(), text.data(), text.size(), 0); }, "recv from the hooks");
  text.resize(static_cast<std::size_t>(count));
  return text;
}

void send(const Fd& line, const std::string& text) {
  kernel::attempt([&] { return ::send(line.get(), text.data(), text.size(), MSG_NOSIGNAL); }, "send to the hooks");
}

class CreateHooks final : public parts::Part {
 public:
  CreateHooks(const Hooks& hooks, StateText state) : hooks_(hooks), state_(std::move(state)) {}
  ~CreateHooks() override { end_helper(); }

  Stage stage() const override { return Stage::hooks; }
  const char* name() const override { return "hooks"; }

  void prepare(Context&) override {
    int ends[2];
    kernel::attempt([&] { return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends); }, "socketpair");
    outside_ = Fd(ends[0]);
    inside_ = Fd(ends[1]);
  }

  void adopt(Context& context) override {
    inside_.close();
    if (!runs_outside()) return;
    helper_ = kernel::clone3(0);
    if (helper_.pid == 0) help(context.pid);
    outside_.close();
  }

  void enter(Context&) override {
    outside_.close();
    if (runs_outside()) {
      send(inside_, "now");
      const std::string answer = receive(inside_);
      if (answer != kWell)
        throw Error("run the hooks of the container", 0, answer.empty() ? "the helper died" : answer);
    }
    run_hooks(hooks_.create_container, state_(getpid(), "creating"));
  }

 private:
  bool runs_outside() const { return !hooks_.prestart.empty() || !hooks_.create_runtime.empty(); }

  [[noreturn]] void help(pid_t container) {
    try {
      kernel::die_with_parent();
      if (receive(outside_).empty()) _exit(0);  // the container ended before
      const std::string state = state_(container, "creating");
      run_hooks(hooks_.prestart, state);
      run_hooks(hooks_.create_runtime, state);
      send(outside_, kWell);
    } catch (const std::exception& error) {
      ::send(outside_.get(), error.what(), std::string_view(error.what()).size(), MSG_NOSIGNAL);
    }
    _exit(0);
  }

  void end_helper() noexcept {
    if (helper_.pid == 0 || !helper_.pidfd) return;
    try {
      kernel::send_signal(helper_.pidfd, SIGKILL);
      kernel::wait(helper_.pidfd);
    } catch (const Error&) {
      // It has ended and was reaped.
    }
  }

  const Hooks& hooks_;
  StateText state_;
  Fd outside_, inside_;
  kernel::Child helper_;
};

// In the container, as confined as its program: whoever wrote the bundle has no more power inside than what it says.
class StartHooks final : public parts::Part {
 public:
  StartHooks(const Hooks& hooks, StateText state) : hooks_(hooks), state_(std::move(state)) {}

  Stage stage() const override { return Stage::last; }
  const char* name() const override { return "start-hooks"; }

  void seal(Context&) override { run_hooks(hooks_.start_container, state_(getpid(), "created")); }

 private:
  const Hooks& hooks_;
  StateText state_;
};

}  // namespace

void add_hook_parts(parts::Parts& parts, const Hooks& hooks, const StateText& state) {
  if (!hooks.prestart.empty() || !hooks.create_runtime.empty() || !hooks.create_container.empty())
    parts.push_back(std::make_unique<CreateHooks>(hooks, state));
  if (!hooks.start_container.empty()) parts.push_back(std::make_unique<StartHooks>(hooks, state));
}

void add_every_hook_part(parts::Parts& parts) {
  static const Hooks none;
  parts.push_back(std::make_unique<CreateHooks>(none, StateText()));
  parts.push_back(std::make_unique<StartHooks>(none, StateText()));
}

}  // namespace coracle::oci
