#include "engine/health.hpp"

#include <csignal>

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "engine/exec.hpp"
#include "image/time.hpp"
#include "kernel/error.hpp"
#include "kernel/recorder.hpp"
#include "parts/cgroup.hpp"

namespace coracle::engine {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::size_t kMostOutput = 4096;  // bytes, docker's
constexpr std::size_t kMostFindings = 5;

std::int64_t or_else(std::int64_t chosen, std::int64_t usual) { return chosen > 0 ? chosen : usual; }

}  // namespace

bool has_check(const image::Healthcheck& check) { return !check.test.empty() && check.test[0] != "NONE"; }

Health::Health(image::Healthcheck check, std::vector<std::string> shell, Roots roots, std::string id, const Fd& epoll,
               std::function<void(const std::string&)> changed)
    : check_(std::move(check)),
      shell_(std::move(shell)),
      roots_(std::move(roots)),
      id_(std::move(id)),
      epoll_(epoll),
      changed_(std::move(changed)),
      timer_(kernel::attempt([] { return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK); },
                             "timerfd_create")),
      began_(now()),
      state_{{"Status", "starting"}, {"FailingStreak", 0}, {"Log", nlohmann::ordered_json::array()}} {
  await(timer_);
  changed_(state_.dump());
  wait_for(is_starting() ? or_else(check_.start_interval, 5 * kSecond) : or_else(check_.interval, 30 * kSecond));
}

Health::~Health() {
  if (probe_.pidfd) end_probe();
}

bool Health::is_starting() const { return check_.start_period > 0 && now() - began_ < check_.start_period; }

void Health::await(const Fd& fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd.get();
  kernel::attempt([&] { return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event); }, "epoll_ctl");
}

void Health::wait_for(std::int64_t nanoseconds) {
  itimerspec time{};
  time.it_value = {nanoseconds / kSecond, nanoseconds % kSecond};
  kernel::attempt([&] { return timerfd_settime(timer_.get(), 0, &time, nullptr); }, "timerfd_settime");
}

bool Health::act(int fd) {
  if (fd == timer_.get()) {
    std::uint64_t times = 0;
    if (::read(timer_.get(), &times, sizeof times) < 0) return true;
    if (!probe_.pidfd) {
      begin();
    } else {
      end_probe();
      text_ = "Health check exceeded timeout";
      found(-1);
    }
  } else if (fd == output_.get()) {
    read_output();
  } else if (fd == probe_.pidfd.get()) {
    const int status = kernel::wait(probe_.pidfd).status();
    if (output_) read_output();
    probe_ = {};
    found(status);
  } else {
    return false;
  }
  return true;
}

std::vector<std::string> Health::command() const {
  std::vector<std::string> words(check_.test.begin() + 1, check_.test.end());
  if (check_.test[0] == "CMD-SHELL") words.insert(words.begin(), shell_.begin(), shell_.end());
  return words;
}

// A process of its own, which joins the container as `coracle exec` does; its program dies with it.
void Health::begin() {
  try {
    if (parts::is_frozen(roots_.run + "/" + id_)) return wait_for(or_else(check_.interval, 30 * kSecond));
    int ends[2];
    kernel::attempt([&] { return pipe2(ends, O_CLOEXEC | O_NONBLOCK); }, "pipe2");
    output_ = Fd(ends[0]);
    const Fd theirs(ends[1]);
    text_.clear();
    probe_began_ = now();
    probe_ = kernel::clone3(0);
    if (probe_.pid == 0) probe(theirs);
    await(output_);
    await(probe_.pidfd);
    wait_for(or_else(check_.timeout, 30 * kSecond));
  } catch (const Error& error) {
    text_ = error.what();
    found(-1);
  }
}

void Health::probe(const Fd& output) const {
  int status = 125;
  try {
    kernel::die_with_parent();
    fcntl(output.get(), F_SETFL, O_WRONLY);
    dup2(output.get(), STDOUT_FILENO);
    dup2(output.get(), STDERR_FILENO);
    status = exec(roots_, {.container = id_, .command = command()});
  } catch (const Error& error) {
    kernel::note_call([&] { return ::write(STDERR_FILENO, error.what(), std::string_view(error.what()).size()); },
                      "write");
    status = error.status();
  }
  _exit(status);
}

void Health::read_output() {
  char bytes[4096];
  ssize_t count = 0;
  while ((count = ::read(output_.get(), bytes, sizeof bytes)) > 0) {
    text_.append(bytes, std::min(static_cast<std::size_t>(count), kMostOutput - std::min(text_.size(), kMostOutput)));
  }
  if (count == 0) output_.close();
}

void Health::end_probe() {
  kernel::send_signal(probe_.pidfd, SIGKILL);
  kernel::wait(probe_.pidfd);
  probe_ = {};
}

void Health::found(int status) {
  output_.close();
  const bool healthy = status == 0;
  const int streak = healthy ? 0 : state_["FailingStreak"].get<int>() + 1;
  const int most = check_.retries > 0 ? check_.retries : 3;
  if (healthy) {
    state_["Status"] = "healthy";
    state_["FailingStreak"] = 0;
  } else if (state_["Status"] != "starting" || !is_starting()) {  // in its start period a failure is none
    state_["FailingStreak"] = streak;
    if (streak >= most) state_["Status"] = "unhealthy";
  }
  auto& log = state_["Log"];
  log.push_back({{"Start", image::rfc3339_nano(probe_began_)},
                 {"End", image::rfc3339_nano(now())},
                 {"ExitCode", status},
                 {"Output", text_}});
  if (log.size() > kMostFindings) log.erase(0);
  changed_(state_.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  const bool soon = is_starting() && state_["Status"] == "starting";
  wait_for(soon ? or_else(check_.start_interval, 5 * kSecond) : or_else(check_.interval, 30 * kSecond));
}

}  // namespace coracle::engine
