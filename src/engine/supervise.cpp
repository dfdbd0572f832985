#include "engine/supervise.hpp"

#include <malloc.h>
#include <chrono>
#include <csignal>
#include <optional>
#include <thread>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/audience.hpp"
#include "engine/container_events.hpp"
#include "engine/create.hpp"
#include "engine/find_image.hpp"
#include "engine/health.hpp"
#include "engine/join_note.hpp"
#include "engine/network_spec.hpp"
#include "engine/options_json.hpp"
#include "engine/standard_streams.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "kernel/unix_socket.hpp"
#include "launch/assemble.hpp"
#include "launch/launch.hpp"

namespace coracle::engine {
namespace {

using kernel::Error;
using kernel::Fd;
using std::chrono::milliseconds;

// What is said over the line: one of these letters, and behind kFailed the status and the text of the error.
constexpr char kRuns = 'r';
constexpr char kRunsAlready = 'a';
constexpr char kFailed = 'f';

constexpr int kLine = 3;  // the descriptors that a supervisor finds open
constexpr int kConnection = 4;

// moby's restart manager: a wait that doubles each time, and begins anew after a run of ten seconds.
constexpr milliseconds kFirstWait{100};
constexpr milliseconds kLongestWait{60'000};
constexpr std::int64_t kGoodRun = 10'000'000'000;  // nanoseconds

class Supervisor {
 public:
  Supervisor(const Roots& roots, std::string id, Fd line, Fd connection)
      : roots_(roots),
        id_(std::move(id)),
        line_(std::move(line)),
        connection_(std::move(connection)),
        epoll_(kernel::attempt([] { return epoll_create1(EPOLL_CLOEXEC); }, "epoll_create1")) {}

  int live() {
    try {
      if (!begin()) return say(std::string(1, kRunsAlready));
      while (run_once() && wait_to_restart()) {
      }
    } catch (const Error& error) {
      audience_.reset();
      lock_.reset();  // who hears of it may remove the container at once
      fail(error);
      return error.status();
    }
    return 0;
  }

 private:
  // Nobody is there any more when the command was killed: that is no reason to end the container.
  int say(const std::string& text) {
    if (line_) send(line_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    line_.close();
    return 0;
  }

  void fail(const Error& error) { say(fmt::format("{}{} {}", kFailed, error.status(), error.what())); }

  // The database is open only while it is needed: most of what a supervisor would hold is its cache.
  Engine& engine() {
    if (!engine_) engine_.emplace(roots_);
    return *engine_;
  }

  void close_engine() {
    engine_.reset();
    malloc_trim(0);
  }

  bool begin();
  bool run_once();
  bool wait_to_restart();
  bool may_restart(int status);
  launch::Outcome launch(StandardStreams& streams, parts::CgroupUsage& usage);
  void act(StandardStreams& streams);
  void begin_health(const image::Config& config);
  void took(Stream stream, std::string_view bytes) {
    log_->take(stream, bytes);
    audience_->tell(stream, bytes);
  }
  auto taking() {
    return [this](Stream stream, std::string_view bytes) { took(stream, bytes); };
  }

  const Roots roots_;
  const std::string id_;
  Fd line_, connection_;
  std::optional<Engine> engine_;
  std::optional<ContainerLock> lock_;
  Record record_;
  RunOptions options_;
  Fd epoll_;
  std::optional<LogWriter> log_;
  std::optional<Audience> audience_;
  std::optional<Health> health_;
  StandardStreams* streams_ = nullptr;
  milliseconds wait_ = kFirstWait;
};

bool Supervisor::begin() {
  const std::string directory = engine().container_dir(id_);
  std::optional<Record> record;
  while (!lock_) {
    lock_ = ContainerLock::take(directory);
    record = engine().records.find(id_);
    if (!record) throw Error("start the container " + id_, 0, "it has been removed");
    if (lock_) break;
    if (kernel::noted_process(record->life.launcher)) return false;
    // Somebody looks whether anybody looks after it, or is about to start it. fcntl(2) has no lock with patience.
    std::this_thread::sleep_for(milliseconds(1));
  }
  if (kernel::exists(record->run_root + "/" + id_)) engine().sweep();  // of a supervisor that was killed
  record_ = *record;
  options_ = parse_options(record_.options);
  engine().records.set_stopped(id_, false);
  record_.life = Life{.launcher = kernel::process_note(getpid())};
  engine().records.set_life(id_, record_.life);
  log_.emplace(log_path(directory, id_), options_.log);
  audience_.emplace(directory, epoll_,
                    Audience::Handlers{
                        .typed = [this](std::string_view text) { streams_->type(text); },
                        .typed_all = [this] { streams_->type_no_more(); },
                        .resized = [this](kernel::WindowSize size) { streams_->resize(size); },
                    });
  if (connection_) audience_->seat(std::move(connection_));
  return true;
}

launch::Outcome Supervisor::launch(StandardStreams& streams, parts::CgroupUsage& usage) {
  const image::Image image = engine().store.find(record_.image);
  Place place = place_of(engine(), id_, image);
  find_networks(engine(), options_, place);
  place.name = record_.name;
  launch::Spec spec = make_spec(options_, image.config, place);
  if (options_.terminal) spec.terminal = parts::TerminalOptions{.console_socket = streams.console_socket()};
  parts::Parts parts = launch::assemble(spec, &usage);
  const auto executed = [&](pid_t pid) {
    write_join_note(place.run_dir, spec, pid);
    streams.let_go();
    record_.life.state = State::running;
    record_.life.started = now();
    engine().records.set_life(id_, record_.life);
    tell(engine(), record_, options_, "start");
    close_engine();
    say(std::string(1, kRuns));
    begin_health(image.config);
  };
  engine().sweep();  // what killed commands left may hold what this one is to have
  streams.offer();
  return launch::run(spec.process, parts,
                     {.run_root = roots_.run,
                      .id = id_,
                      .held = [&] { write_name_files(options_, place.run_dir); },
                      .meanwhile = [&] { check_networks(engine(), place); },
                      .executed = executed,
                      .watch = {[this] { return epoll_.get(); }, [&](const Fd&) { act(streams); }},
                      .outlives = true});
}

void Supervisor::act(StandardStreams& streams) {
  epoll_event events[16];
  const int count = epoll_wait(epoll_.get(), events, std::size(events), 0);
  for (int i = 0; i < count; ++i) {
    const int fd = events[i].data.fd;
    if (!streams.act(fd, taking()) && !(health_ && health_->act(fd))) audience_->act(fd, events[i].events);
  }
  audience_->listen(!streams.is_full());
  log_->write_out();
}

// An option of the person's changes single settings of the image's check.
void Supervisor::begin_health(const image::Config& config) {
  image::Healthcheck check = config.healthcheck;
  if (options_.health) {
    const image::Healthcheck& chosen = *options_.health;
    if (!chosen.test.empty()) check.test = chosen.test;
    for (auto field : {&image::Healthcheck::interval, &image::Healthcheck::timeout, &image::Healthcheck::start_period,
                       &image::Healthcheck::start_interval}) {
      if (chosen.*field > 0) check.*field = chosen.*field;
    }
    if (chosen.retries > 0) check.retries = chosen.retries;
  }
  if (!has_check(check)) return;
  const std::vector<std::string> shell =
      config.shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : config.shell;
  health_.emplace(check, shell, roots_, id_, epoll_, [this](const std::string& json) {
    engine().records.set_health(id_, json);
    close_engine();
  });
}

// Whether the restart policy may have it run again.
bool Supervisor::run_once() {
  StandardStreams streams(options_.terminal, options_.interactive, epoll_);
  streams_ = &streams;
  parts::CgroupUsage usage;
  int status = 0;
  try {
    status = launch(streams, usage).ending.status();
  } catch (const Error& error) {
    streams.let_go();
    if (!line_) log_->take(Stream::err, std::string("coracle: ") + error.what() + "\n");
    log_->finish();
    settle_failed(engine(), record_, options_, error);
    throw;
  }
  health_.reset();
  streams.drain(taking());
  log_->finish();
  record_.life.finished = now();
  record_.life.status = status;
  record_.life.oom_killed = usage.oom_killed;
  if (may_restart(status)) {
    record_.life.state = State::restarting;
    tell_died(engine(), record_, options_, status, usage.oom_killed);
    engine().records.set_life(id_, record_.life);
    return true;
  }
  audience_->finish(status);
  settle_ended(engine(), record_, options_, status, usage.oom_killed);
  return false;
}

bool Supervisor::may_restart(int status) {
  // `update` may have changed it.
  const RestartPolicy policy = parse_options(engine().records.find(id_).value_or(record_).options).restart;
  if (policy.name == "no" || engine().records.is_stopped(id_)) return false;
  if (policy.name != "on-failure") return true;
  return status != 0 && (policy.most == 0 || record_.life.restarts < policy.most);
}

// False when a person stopped it meanwhile.
bool Supervisor::wait_to_restart() {
  if (record_.life.finished - record_.life.started > kGoodRun) wait_ = kFirstWait;
  close_engine();
  sigset_t asks;
  sigemptyset(&asks);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&asks, signal);
  sigset_t before;
  const Fd signals = kernel::signalfd(asks, &before);
  pollfd fds[] = {{signals.get(), POLLIN, 0}};
  const bool asked = poll(fds, 1, static_cast<int>(wait_.count())) > 0;
  if (asked) kernel::read_signal(signals);
  kernel::set_signal_mask(before);
  wait_ = std::min(wait_ * 2, kLongestWait);
  if (asked || engine().records.is_stopped(id_)) {
    settle_ended(engine(), record_, options_, record_.life.status, record_.life.oom_killed);
    return false;
  }
  ++record_.life.restarts;
  return true;
}

[[noreturn]] void become_supervisor(const Roots& roots, const std::string& id, const Fd& line, const Fd& connection) {
  setsid();
  kernel::attempt([] { return ::chdir("/"); }, "chdir /");
  // Away from the numbers that they are to have, then to them; the copies that dup2 makes are not close-on-exec.
  const Fd line_away(fcntl(line.get(), F_DUPFD_CLOEXEC, 10));
  const Fd connection_away(connection ? fcntl(connection.get(), F_DUPFD_CLOEXEC, 10) : -1);
  kernel::become_stdio(kernel::open("/dev/null", O_RDWR));
  dup2(line_away.get(), kLine);
  if (connection_away) dup2(connection_away.get(), kConnection);
  const char* connected = connection_away ? "connected" : nullptr;
  execl("/proc/self/exe", "coracle", "--root", roots.data.c_str(), "--run", roots.run.c_str(), "supervise", id.c_str(),
        connected, nullptr);
  throw Error("execve /proc/self/exe", errno);
}

}  // namespace

bool start_detached(const Roots& roots, const std::string& id, Fd connection) {
  auto [ours, theirs] = kernel::socketpair();
  const kernel::Child child = kernel::clone3(0);
  if (child.pid == 0) {
    try {
      ours.close();
      become_supervisor(roots, id, theirs, connection);
    } catch (const Error& error) {
      kernel::write_all(theirs, fmt::format("{}{} {}", kFailed, error.status(), error.what()));
      _exit(error.status());
    }
  }
  theirs.close();
  connection.close();
  std::string said;
  for (kernel::Message message; !(message = kernel::receive_message(ours)).text.empty();) {
    said += message.text;
    if (said[0] != kFailed) break;
  }
  if (said.empty()) throw Error("start the container " + id, 0, "its supervisor was killed");
  if (said[0] != kFailed) return said[0] == kRuns;
  const std::size_t space = said.find(' ');
  throw Error(said.substr(space + 1), 0).with_status(std::stoi(said.substr(1, space - 1)));
}

int supervise(const Roots& roots, const std::string& id, Fd line, Fd connection) {
  signal(SIGPIPE, SIG_IGN);  // of a program that has closed its stdin
  return Supervisor(roots, id, std::move(line), std::move(connection)).live();
}

}  // namespace coracle::engine
