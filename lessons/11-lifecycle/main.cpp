// Lesson 11: containers that go on when the command is over.
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "kernel/unix_socket.hpp"
#include "launch/rootless.hpp"
#include "lesson.hpp"
#include "supervisor.hpp"

using namespace coracle;
using kernel::Error;
using kernel::Fd;

namespace {

constexpr int kPatienceMs = 10'000;  // as docker stop has it

int run(const Container& container, const std::string& rootfs, const std::vector<std::string>& args) {
  if (args.empty()) throw Error("read the command line", 0, "usage: 11-lifecycle run NAME ROOTFS CMD...");
  launch::become_root_inside("11-lifecycle");
  run_detached(container, rootfs, args);
  fmt::print("{}\n", container.name);
  return 0;
}

// Copies what there is to read; false at its end.
bool copy(const Fd& from, const Fd& to) {
  char bytes[65536];
  const ssize_t count = ::read(from.get(), bytes, sizeof bytes);
  if (count > 0) kernel::write_all(to, {bytes, static_cast<std::size_t>(count)});
  return count > 0;
}

int logs(const Container& container) {
  const Fd log = kernel::open(container.file("log"), O_RDONLY);
  const Fd out(dup(STDOUT_FILENO));
  while (copy(log, out)) {
  }
  return 0;
}

int attach(const Container& container) {
  const Fd line = container.connect();
  const Fd input = kernel::receive_message(line, 5).descriptor;
  const Fd out(dup(STDOUT_FILENO));
  Fd in(dup(STDIN_FILENO));
  while (true) {
    pollfd fds[] = {{line.get(), POLLIN, 0}, {in.get(), POLLIN, 0}};
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[1].revents != 0 && !copy(in, input)) in.close();
    if (fds[0].revents != 0 && !copy(line, out)) return 0;
  }
}

int wait(const Container& container) {
  const Fd lock = container.lock();
  const std::optional<std::string> status = container.exit();
  if (!status) throw Error("wait for " + container.name, 0, "its supervisor was killed: nobody knows how it ends");
  fmt::print("{}", *status);
  return 0;
}

int stop(const Container& container) {
  const Fd process = container.process();
  pollfd end{process.get(), POLLIN, 0};
  if (process && kernel::send_signal(process, SIGTERM) && poll(&end, 1, kPatienceMs) == 0)
    kernel::send_signal(process, SIGKILL);
  const Fd lock = container.lock();  // until its supervisor has cleared up
  return 0;
}

std::string state(const Container& container) {
  const std::optional<std::string> status = container.exit();
  if (status) return "exited (" + status->substr(0, status->size() - 1) + ")";
  const bool runs = static_cast<bool>(container.process());
  if (container.held()) return runs ? "running" : "starting or ending";
  return runs ? "running, nobody looks after it" : "dead, nobody knows how it ended";
}

int ps() {
  fmt::print("{:<12} {}\n", "NAME", "STATE");
  if (!kernel::exists("containers")) return 0;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("containers")) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) fmt::print("{:<12} {}\n", name, state(Container(name)));
  return 0;
}

int rm(const Container& container) {
  if (container.process()) throw Error("remove " + container.name, EBUSY, "it runs: stop it first");
  launch::become_root_inside("11-lifecycle");
  const Fd lock = container.lock();
  // There when the supervisor was killed: what it would have unmade, we unmake.
  parts::Parts parts = parts_of({});
  if (kernel::exists(container.run_directory())) launch::unmake(launch::default_run_root(), container.id, parts);
  kernel::remove_tree(container.directory);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Run containers in the background, and look after them", "11-lifecycle");
  app.require_subcommand(1);
  std::string name, rootfs;
  const auto add = [&](const char* verb, const char* what) {
    CLI::App* command = app.add_subcommand(verb, what);
    command->add_option("NAME", name, "Of the container")->required();
    return command;
  };
  CLI::App* runs = add("run", "Start CMD... in a new container, and come back");
  runs->add_option("ROOTFS", rootfs, "The directory that becomes the root")->required();
  runs->prefix_command();
  add("logs", "Show what it has printed");
  add("attach", "Type to it, and see what it prints from now on");
  add("wait", "Wait for its end and show its exit status");
  add("stop", "Ask it to end; after ten seconds, kill it");
  add("rm", "Forget it");
  app.add_subcommand("ps", "List the containers");
  CLI11_PARSE(app, argc, argv);

  return report_errors("11-lifecycle", [&] {
    if (app.got_subcommand("ps")) return ps();
    const Container container(name);
    if (app.got_subcommand("run")) return run(container, rootfs, runs->remaining());
    if (app.got_subcommand("logs")) return logs(container);
    if (app.got_subcommand("attach")) return attach(container);
    if (app.got_subcommand("wait")) return wait(container);
    if (app.got_subcommand("stop")) return stop(container);
    return rm(container);
  });
}
